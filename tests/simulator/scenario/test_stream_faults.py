"""What faults of the stream and of the numbers beside it do to a slot."""

import os

import pytest

from petstream.h264.nal import nal_unit_type, split_annexb
from petstream.shm.layout import FRAME_SIZE
from simulator import Fixture
from simulator.scenario import (
    BadNalUnits,
    Clock,
    EmptyNalUnits,
    FrameNumber,
    Garbage,
    Header,
    Headers,
    Switch,
)

from ..ring_view import RingView
from .bench import Bench

SPS, PPS, IDR = 7, 8, 5


@pytest.mark.parametrize("dense", [False, True])
def test_garbage_takes_the_place_of_an_access_unit(bench: Bench, dense: bool) -> None:
    """Random bytes of the size that was asked for, the same for the same seed, then the clip."""
    fault = Garbage(count=1, size=500, seed=3, dense=dense)
    first, second = bench.write(fault).data, bench.write(fault).data
    assert first == second
    assert len(first) == 500
    assert bench.write().data == bench.clip.access_units[5]


def test_empty_nal_units_are_between_the_others(bench: Bench) -> None:
    """Start codes follow one another, and what is between is the access unit."""
    bench.stage.source.position = 0
    data = bench.write(EmptyNalUnits(count=1)).data
    assert data.count(b"\0\0\0\1\0\0\0\1") == 3
    assert data.endswith(b"\0\0\0\1")
    assert bench.kinds(data) == [SPS, PPS, IDR]


def test_bad_nal_units_are_between_the_others(bench: Bench) -> None:
    """Every other NAL unit has an unspecified type or the forbidden bit."""
    bench.stage.source.position = 0
    nal_units = list(split_annexb(bench.write(BadNalUnits(count=1)).data))
    assert [nal_unit_type(nal) for nal in nal_units[1::2]] == [SPS, PPS, IDR]
    assert all(nal[0] & 0x80 or nal[0] & 31 in {0, *range(24, 32)} for nal in nal_units[::2])


@pytest.mark.parametrize(
    ("how", "kinds"),
    [
        ("missing", [IDR]),
        ("swapped", [PPS, SPS, IDR]),
        ("late", [IDR, SPS, PPS]),
        ("alone", [SPS, PPS]),
    ],
)
def test_parameter_sets_go_astray(bench: Bench, how: str, kinds: list[int]) -> None:
    """Missing, swapped, late, or alone; an access unit without them is left as it is."""
    fault = Headers(count=2, how=how)
    assert bench.write(fault).data == bench.clip.access_units[3]
    bench.stage.source.position = 0
    assert bench.kinds(bench.write().data) == kinds


def test_a_switch_goes_on_with_another_clip(bench: Bench) -> None:
    """From its first access unit, under its own camera id."""
    frame = bench.write(Switch(clip="bbb-1080p30", camera_id=2))
    assert frame.data == Fixture.load("bbb-1080p30").access_units[0]
    assert (frame.camera_id, frame.width, frame.height) == (2, 1920, 1080)


@pytest.mark.parametrize(
    ("field", "value", "seen"),
    [("format", 9, 9), ("width", -1, -1), ("camera_id", 2**31, -(2**31))],
)
def test_a_header_field_has_another_value(bench: Bench, field: str, value: int, seen: int) -> None:
    """For so many access units, cut to the field's size."""
    frames = [bench.write(Header(field=field, value=value, count=2)), bench.write(), bench.write()]
    assert [getattr(frame, field) == seen for frame in frames] == [True, True, False]


def test_a_timestamp_has_more_than_a_second_of_nanoseconds(bench: Bench) -> None:
    """Fields of the timestamp are fields of the header too."""
    assert bench.write(Header(field="tv_nsec", value=10**12, count=1)).capture_ns == 1004 * 10**9


def test_a_size_beyond_the_slot_is_written_as_it_stands(bench: Bench) -> None:
    """The largest number there is arrives in the segment."""
    Header(field="data_size", value=2**64 - 1, count=1).act(bench.stage, bench.number)
    bench.stage.publish(bench.number, 0)
    with RingView.of(bench.stage.writer.name) as view:
        assert os.pread(view.fd, 8, 40 + 3 * FRAME_SIZE + 40) == b"\xff" * 8


def test_the_clock_is_set_and_goes_on(bench: Bench) -> None:
    """Every later capture time has the same step in it."""
    times = [bench.write(Clock(step_ms=-500)).capture_ns, bench.write().capture_ns]
    assert times == [3_500_000_000, 4_500_000_000]


@pytest.mark.parametrize(
    ("step", "numbers"), [(0, [2, 2, 3]), (-2, [0, -2 % 2**64, -1 % 2**64]), (10, [12, 22, 23])]
)
def test_frame_numbers_step_as_told(bench: Bench, step: int, numbers: list[int]) -> None:
    """Repeat, go back, and jump; afterwards they rise by one again."""
    FrameNumber(step=step, count=2).act(bench.stage, bench.number)
    assert [bench.write().frame_number for _ in range(3)] == numbers
