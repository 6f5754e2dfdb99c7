"""The memory ring in front of a recording."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from petstream.errors import BadRecordingRequestError
from petstream.recording import Recorder
from petstream.recording.pre_roll import UNIT_OVERHEAD, PreRoll
from tests.recording.helpers import (
    FRAME_NS,
    access_units,
    annexb,
    encode,
    new_source,
    put_all,
    running,
    wait_until,
)

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("recording_format", ["h264", "mp4"])
def test_a_recording_begins_with_the_idr_before_the_point(
    tmp_path: Path, recording_format: str
) -> None:
    """The first access unit is an IDR, at most one GOP older than what was asked for."""
    now_ns = time.monotonic_ns()
    units = access_units(encode(10) * 60, begin_ns=now_ns - 600 * FRAME_NS)
    recorder, source = Recorder(tmp_path, clock=lambda: now_ns), new_source()
    with running(recorder, source):
        put_all(source, units[:590])
        wait_until(lambda: len(source) == 0)
        recorder.start(recording_format, pre_roll_s=10.0)
        put_all(source, units[590:])
        status = recorder.stop()
    first = units[600 - status.frame_count]
    assert first.is_idr
    assert 10 * SECOND_NS <= now_ns - first.capture_ns < 10 * SECOND_NS + 10 * FRAME_NS
    if recording_format == "h264":
        expected = annexb(units[600 - status.frame_count :])
        assert (tmp_path / str(status.filename)).read_bytes() == expected


def test_a_recording_begins_later_if_memory_does_not_reach_back(tmp_path: Path) -> None:
    """What is there is recorded from its first IDR on."""
    units = access_units(encode(30), begin_ns=time.monotonic_ns() - 30 * FRAME_NS)
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        put_all(source, units[4:])
        wait_until(lambda: len(source) == 0)
        recorder.start(pre_roll_s=20)
        assert recorder.stop().frame_count == 20


def test_the_default_pre_roll_is_used_unless_told_otherwise(tmp_path: Path) -> None:
    """The recorder's own setting holds for a start that names none, and 0 turns it off."""
    units = access_units(encode(30), begin_ns=time.monotonic_ns() - 30 * FRAME_NS)
    recorder, source = Recorder(tmp_path, pre_roll_s=5.0), new_source()
    with running(recorder, source):
        put_all(source, units)
        wait_until(lambda: len(source) == 0)
        recorder.start()
        assert recorder.stop().frame_count == 30
        recorder.start(pre_roll_s=0)
        assert recorder.stop().frame_count == 0


@pytest.mark.parametrize("seconds", [-1.0, 30.5, float("nan"), float("inf")])
def test_a_pre_roll_out_of_range_is_refused(tmp_path: Path, seconds: float) -> None:
    """What memory is not kept for cannot be asked for."""
    with pytest.raises(BadRecordingRequestError, match="pre_roll_s is"):
        Recorder(tmp_path).start(pre_roll_s=seconds)


def test_memory_is_bounded_in_bytes() -> None:
    """The oldest GOPs go when the bytes run out, and what is left begins with an IDR."""
    units = access_units(encode(10) * 20)
    limit = 50 * (max(unit.size for unit in units) + UNIT_OVERHEAD)
    ring = PreRoll(max_ns=3600 * SECOND_NS, max_bytes=limit)
    for unit in units:
        ring.add(unit)
        assert ring.bytes <= limit
    kept = ring.take_since(0)
    assert kept[0].is_idr
    assert kept == units[-len(kept) :]
    assert len(kept) >= 40
    assert ring.bytes == 0


def test_memory_is_bounded_in_time() -> None:
    """No GOP is kept that the longest pre-roll does not need."""
    units = access_units(encode(10) * 30)
    ring = PreRoll(max_ns=60 * FRAME_NS, max_bytes=2**30)
    for unit in units:
        ring.add(unit)
    assert 60 < len(ring.take_since(0)) <= 70


def test_a_gop_beyond_the_limit_is_let_go() -> None:
    """A GOP that cannot be kept whole is not kept at all, and the next one is."""
    units = access_units(encode(50, gop=50) + encode(5))
    ring = PreRoll(max_ns=3600 * SECOND_NS, max_bytes=20 * (units[1].size + UNIT_OVERHEAD))
    for unit in units[:50]:
        ring.add(unit)
    assert ring.take_since(0) == []
    for unit in units[50:]:
        ring.add(unit)
    assert ring.take_since(0) == units[50:]


def test_no_memory_is_used_if_pre_roll_is_off() -> None:
    """A ring that reaches back no time keeps nothing."""
    ring = PreRoll(max_ns=0, max_bytes=2**30)
    for unit in access_units(encode(10)):
        ring.add(unit)
    assert ring.bytes == 0


def test_a_camera_on_another_clock_is_placed_by_when_it_was_read() -> None:
    """Capture times of a clock that is not ours do not confuse the ring."""
    units = access_units(encode(10) * 6, begin_ns=0)
    read_ns = time.monotonic_ns()
    units = [replace(unit, read_ns=read_ns + i * FRAME_NS) for i, unit in enumerate(units)]
    ring = PreRoll(max_ns=3600 * SECOND_NS, max_bytes=2**30)
    for unit in units:
        ring.add(unit)
    assert ring.take_since(read_ns + 25 * FRAME_NS) == units[20:]
