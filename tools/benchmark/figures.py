"""From what the viewers counted to figures.

Strategy: RTP time is capture time at 90 kHz, up to a constant that each stream has of its own. So
the access units that came are laid over those that were captured until they fit, and then each has
its number: what came, when, and what is missing.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from petstream.rtp.timeline import ticks_from_ns
from tools.benchmark.counter import ReceivedUnit
from tools.benchmark.errors import NotMeasuredError
from tools.benchmark.receiver import Received

__all__ = ["ViewerFigures", "percentile", "slope", "viewer_figures"]

TIMESTAMP_MOD: Final = 1 << 32
TRIED: Final = 150  # numbers that the first access unit could have: five seconds behind
ALIKE: Final = 0.9  # of the access units have to fit


@dataclass(frozen=True, slots=True)
class ViewerFigures:
    """One viewer's figures for the numbers that were asked for.

    Attributes:
        p_ms, idr_ms: from just before the write to the last packet.
        join_ms: from its offer to its first complete IDR.
        lost: packets.
        skipped: access units of which nothing came.
        undecodable: access units that are incomplete, or refer to one that is.
    """

    p_ms: tuple[float, ...]
    idr_ms: tuple[float, ...]
    join_ms: float
    lost: int
    skipped: int
    undecodable: int


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; not a number if there are no values."""
    if not values:
        return float("nan")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(0, rank - 1)]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """What y gains for each x, by least squares; not a number without two different x."""
    if len({x for x, _ in points}) < 2:
        return float("nan")
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def viewer_figures(
    received: Received, captured_ns: Sequence[int], numbers: range, gop: int, idr_packets: int
) -> ViewerFigures:
    """Compare what came with what was captured.

    Args:
        received: by one viewer.
        captured_ns: by number, at least of those asked for; 0 for one that was never written.
        numbers: the access units that count; those before are the time to settle.
        gop: access units from one IDR to the next.
        idr_packets: an access unit of so many packets is an IDR.

    Raises:
        NotMeasuredError: the RTP times fit no capture times, as those of a server five seconds
            behind.
    """
    units = _number(received.units, captured_ns, numbers)
    latency = {
        number: (unit.complete_ns - captured_ns[number]) / 1e6
        for number, unit in units.items()
        if unit.complete_ns
    }
    return ViewerFigures(
        p_ms=tuple(ms for number, ms in latency.items() if number % gop),
        idr_ms=tuple(ms for number, ms in latency.items() if number % gop == 0),
        join_ms=_join_ms(received, idr_packets),
        lost=_lost([units[number] for number in sorted(units)]),
        skipped=len(numbers) - len(units),
        undecodable=_undecodable(units, numbers, gop),
    )


def _is_complete(unit: ReceivedUnit) -> bool:
    return unit.complete_ns > 0 and unit.packets == unit.last - unit.first + 1


def _join_ms(received: Received, idr_packets: int) -> float:
    # Not by number: the times of a cached GOP are compressed, and fit no capture times.
    whole = (u for u in received.units if _is_complete(u) and u.packets >= idr_packets)
    first = min((unit.complete_ns for unit in whole), default=None)
    return float("nan") if first is None else (first - received.offered_ns) / 1e6


def _number(
    came: Sequence[ReceivedUnit], captured_ns: Sequence[int], numbers: range
) -> dict[int, ReceivedUnit]:
    """The access units by number, as far as they are asked for."""
    settled = captured_ns[numbers.start]
    start = next((i for i, unit in enumerate(came) if unit.complete_ns > settled), None)
    if start is None:
        return {}
    units = came[start:]
    first_number = max(0, numbers.start - TRIED)
    by_ticks = {
        ticks_from_ns(captured_ns[n]): n
        for n in range(first_number, len(captured_ns))
        if captured_ns[n]
    }
    newest = max(n for n in by_ticks.values() if captured_ns[n] <= units[0].complete_ns)
    fits = (
        _lay_over(units, ticks_from_ns(captured_ns[candidate]), by_ticks)
        for candidate in range(newest, max(first_number, newest - TRIED) - 1, -1)
    )
    best = max(fits, key=len)
    if len(best) < ALIKE * len(units):
        raise NotMeasuredError(f"rtp times fit no capture times: {len(best)} of {len(units)} do")
    return {number: unit for number, unit in best.items() if number in numbers}


def _lay_over(
    units: Sequence[ReceivedUnit], first_ticks: int, by_ticks: Mapping[int, int]
) -> dict[int, ReceivedUnit]:
    """By number, if the first unit's time stands for ``first_ticks``."""
    found = {}
    for unit in units:
        ticks = first_ticks + (unit.timestamp - units[0].timestamp) % TIMESTAMP_MOD
        for near in (ticks, ticks - 1, ticks + 1):  # each side rounds
            if near in by_ticks:
                found[by_ticks[near]] = unit
                break
    return found


def _lost(units: Sequence[ReceivedUnit]) -> int:
    if not units:
        return 0
    return units[-1].last - units[0].first + 1 - sum(unit.packets for unit in units)


def _undecodable(units: Mapping[int, ReceivedUnit], numbers: range, gop: int) -> int:
    """From the first IDR on, how many cannot be decoded."""
    first_idr = -(-numbers.start // gop) * gop
    whole = False
    count = 0
    for before, number in itertools.pairwise(range(first_idr - 1, numbers.stop)):
        unit, previous = units.get(number), units.get(before)
        complete = unit is not None and _is_complete(unit)
        if complete and unit is not None and previous is not None and previous.complete_ns:
            # What lost its first packets looks whole by itself. Without the marker of the one
            # before, it is that one whose last packets are missing.
            complete = unit.first == previous.last + 1
        whole = complete and (whole or number % gop == 0)
        count += not whole
    return count
