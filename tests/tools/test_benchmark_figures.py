"""The benchmark's arithmetic: from packets that were counted to figures."""

import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.timeline import ticks_from_ns
from tools.benchmark.counter import ReceivedUnit
from tools.benchmark.errors import NotMeasuredError
from tools.benchmark.figures import ViewerFigures, percentile, slope, viewer_figures
from tools.benchmark.receiver import Received

GOP = 30
COUNT = 240
NUMBERS = range(90, 210)
OFFSET = 4_000_000_000  # of RTP time, so that it wraps within the stream
PACKETS_OF_IDR = 100
PACKETS_OF_P = 20
IDR_MS = 9
P_MS = 2


def _captured() -> list[int]:
    """Capture times as of a real camera: a frame apart, and a little off."""
    jitter = random.Random(4)
    return [10**12 + n * 33_333_333 + jitter.randrange(400_000) for n in range(COUNT)]


CAPTURED = _captured()


def _unit(number: int) -> ReceivedUnit:
    """What came of a unit that came whole."""
    gops, place = divmod(number, GOP)
    first = 65_536 + gops * (PACKETS_OF_IDR + (GOP - 1) * PACKETS_OF_P)
    first += PACKETS_OF_IDR + (place - 1) * PACKETS_OF_P if place else 0
    packets = PACKETS_OF_P if place else PACKETS_OF_IDR
    late_ms = P_MS if place else IDR_MS
    return ReceivedUnit(
        timestamp=(ticks_from_ns(CAPTURED[number]) + OFFSET) % 2**32,
        first=first,
        last=first + packets - 1,
        packets=packets,
        complete_ns=CAPTURED[number] + late_ms * 1_000_000,
    )


def _without(unit: ReceivedUnit, packet: int) -> ReceivedUnit:
    """The same, but for one packet."""
    is_first, is_last = packet == unit.first, packet == unit.last
    return ReceivedUnit(
        unit.timestamp,
        unit.first + is_first,
        unit.last - is_last,
        unit.packets - 1,
        0 if is_last else unit.complete_ns,
    )


def _figures(units: Iterable[ReceivedUnit], captured: list[int] = CAPTURED) -> ViewerFigures:
    received = Received(CAPTURED[0] - 50_000_000, list(units))
    return viewer_figures(received, captured, NUMBERS, GOP, PACKETS_OF_IDR // 2)


def test_a_whole_stream_has_latencies_and_no_loss() -> None:
    """Every access unit asked for is found, IDR and P apart, and nothing is missing."""
    figures = _figures(map(_unit, range(COUNT)))
    assert figures.p_ms == pytest.approx([P_MS] * 116)
    assert figures.idr_ms == pytest.approx([IDR_MS] * 4)
    assert figures.join_ms == pytest.approx(50 + IDR_MS)
    assert (figures.lost, figures.skipped, figures.undecodable) == (0, 0, 0)


@pytest.mark.parametrize("which", ["first", "last", "middle"])
@pytest.mark.parametrize(("number", "undecodable"), [(120, 30), (121, 29), (149, 1)])
def test_a_lost_packet_spoils_the_rest_of_the_gop(
    which: str, number: int, undecodable: int
) -> None:
    """Wherever in its access unit it was."""
    units = [_unit(n) for n in range(COUNT)]
    unit = units[number]
    packet = {"first": unit.first, "last": unit.last, "middle": unit.first + 5}[which]
    units[number] = _without(unit, packet)
    figures = _figures(units)
    assert (figures.lost, figures.undecodable) == (1, undecodable)


def test_a_skipped_gop_costs_no_packets() -> None:
    """A sender that skips to the next IDR goes on with its sequence numbers."""
    units = []
    for number in range(COUNT):
        unit = _unit(number)
        if number >= 150:
            unit = ReceivedUnit(
                unit.timestamp, unit.first - 400, unit.last - 400, unit.packets, unit.complete_ns
            )
        if not 130 <= number < 150:
            units.append(unit)
    figures = _figures(units)
    assert (figures.lost, figures.skipped, figures.undecodable) == (0, 20, 20)


def test_what_was_in_flight_before_counts_with_its_own_number() -> None:
    """A stream that lags by a second is found, however late."""
    units = [_unit(number) for number in range(COUNT)]
    late = [
        ReceivedUnit(u.timestamp, u.first, u.last, u.packets, u.complete_ns + 1_000_000_000)
        for u in units
    ]
    figures = _figures(late)
    assert figures.p_ms == pytest.approx([1000 + P_MS] * 116)
    assert figures.skipped == 0


def test_an_idr_that_lost_a_packet_is_no_first_picture() -> None:
    """The time to join ends with the first IDR that is whole."""
    units = [_unit(number) for number in range(COUNT)]
    units[0] = _without(units[0], units[0].first + 1)
    assert _figures(units).join_ms == pytest.approx(
        50 + IDR_MS + (CAPTURED[30] - CAPTURED[0]) / 1e6
    )


def test_a_stream_of_other_times_is_refused() -> None:
    """Figures of a stream that was not this camera's would be nonsense."""
    other = [number * 20_000_000 + 10**12 for number in range(COUNT)]
    with pytest.raises(NotMeasuredError, match="fit no capture times"):
        _figures(map(_unit, range(COUNT)), other)


def test_nothing_received_is_all_skipped() -> None:
    """A viewer that got nothing has no latency and no loss, but lacks everything."""
    figures = _figures([])
    assert figures.p_ms == ()
    assert math.isnan(figures.join_ms)
    assert (figures.lost, figures.skipped, figures.undecodable) == (0, len(NUMBERS), len(NUMBERS))


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_percentile_is_the_nearest_rank(values: list[float], percent: float) -> None:
    """At least so many per cent are at or below it, and it is one of the values."""
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100
    assert sum(value < found for value in values) < len(values) * percent / 100


def test_percentile_of_nothing_is_no_number() -> None:
    """There is no latency without viewers."""
    assert math.isnan(percentile([], 50))


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_slope_of_a_line_is_its_own(gain: float, start: float) -> None:
    """Least squares on points of a line give that line."""
    assert slope([(x, start + gain * x) for x in (1, 5, 10, 50)]) == pytest.approx(gain, abs=1e-9)


def test_slope_needs_two_points() -> None:
    """One load has no slope."""
    assert math.isnan(slope([(10, 5.0)]))
