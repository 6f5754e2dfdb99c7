"""The recorder thread's own object, driven step by step."""

from pathlib import Path

from petstream.recording import RecordingFormat
from tests.recording.helpers import (
    access_units,
    annexb,
    encode,
    new_engine,
    new_source,
    put_all,
    recordings,
)

SECOND_NS = 1_000_000_000


def test_stop_gives_a_slow_disk_two_seconds(tmp_path: Path) -> None:
    """What is not written by then is counted as dropped; what came after stop is left for later."""
    units = access_units(encode(40), begin_ns=0)
    engine = new_engine(tmp_path, clock_step_ns=SECOND_NS // 4)
    source = new_source()
    engine.attach(source)
    put_all(source, units)
    engine.start(RecordingFormat.H264, None)
    status = engine.stop(asked_ns=units[29].read_ns)
    assert status.frame_count == 8 - 1
    assert status.dropped == 30 - status.frame_count
    assert engine.counters.skipped == status.dropped
    assert (tmp_path / str(status.filename)).read_bytes() == annexb(units[: status.frame_count])
    engine.start(RecordingFormat.H264, None)
    while engine.step(0.0):
        continue
    status = engine.stop(asked_ns=units[-1].read_ns)
    assert (tmp_path / str(status.filename)).read_bytes() == annexb(units[30:])


def test_an_abandoned_start_leaves_the_last_figures(tmp_path: Path) -> None:
    """Taking a start back restores what the status said before it, and removes the file."""
    engine, source = new_engine(tmp_path, clock_step_ns=0), new_source()
    engine.attach(source)
    put_all(source, access_units(encode(10)))
    engine.start(RecordingFormat.H264, None)
    finished = engine.stop(0)
    engine.start(RecordingFormat.MP4, None)
    engine.undo_start()
    engine.undo_start()
    assert engine.status == finished
    assert [path.name for path in recordings(tmp_path)] == [finished.filename]


def test_what_stop_drops_is_in_memory_for_a_pre_roll(tmp_path: Path) -> None:
    """Access units that stop had no time to write can still be recorded by the next start."""
    units = access_units(encode(30), begin_ns=0)
    engine = new_engine(tmp_path, clock_step_ns=SECOND_NS // 4, pre_roll_ns=60 * SECOND_NS)
    source = new_source()
    engine.attach(source)
    put_all(source, units)
    engine.start(RecordingFormat.H264, None)
    assert engine.stop(asked_ns=units[-1].read_ns).dropped > 0
    engine.start(RecordingFormat.H264, 0)
    while engine.step(0.0):
        continue
    status = engine.stop(0)
    assert (tmp_path / str(status.filename)).read_bytes() == annexb(units)
