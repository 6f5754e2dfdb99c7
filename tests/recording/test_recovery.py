"""Finishing files that a crash, or somebody, left open, cut short or without their sidecar."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from petstream.recording import RecordingFormat
from petstream.recording.entry import Entry, State, read_entry
from petstream.recording.recovery import recover
from petstream.recording.sidecar import HEADER_SIZE, RECORD_SIZE, SUFFIX
from tests.recording.helpers import (
    FRAME_NS,
    access_units,
    annexb,
    decoded_frames,
    encode,
    new_engine,
    new_source,
    put_all,
)
from tests.scale import dice, scaled

FRAMES = 60


def record(directory: Path, wanted: str) -> Path:
    """A finished recording of FRAMES access units, synced every second."""
    directory.mkdir(exist_ok=True)
    engine, source = new_engine(directory, clock_step_ns=FRAME_NS), new_source()
    engine.attach(source)
    engine.start(RecordingFormat(wanted), None)
    for unit in access_units(encode(FRAMES)):
        put_all(source, [unit])
        engine.step(0.0)
    return directory / str(engine.stop(0).filename)


def sidecar_of(path: Path) -> Path:
    """The file beside it."""
    return path.with_name(path.name + SUFFIX)


def entry_of(path: Path) -> Entry:
    """What the catalogue says of it."""
    entry = read_entry(path.parent, path.name)
    assert entry is not None
    return entry


def test_a_finished_recording_says_so(tmp_path: Path) -> None:
    """Nothing has to be recovered of a recording that was stopped."""
    for wanted in RecordingFormat:
        entry = entry_of(record(tmp_path, wanted))
        assert (entry.state, entry.frame_count, entry.duration_ms) == (State.FINISHED, 60, 2000)
        assert entry.is_closed
        assert entry.disk_bytes > entry.size_bytes


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_cut_anywhere_it_plays_up_to_there(tmp_path: Path, wanted: str) -> None:
    """Of a file cut at random bytes, recovery leaves a whole prefix, and says how much."""
    path = record(tmp_path, wanted)
    data, times = path.read_bytes(), sidecar_of(path).read_bytes()
    cut = dice(wanted)
    places = [cut.randrange(len(data)) for _ in range(scaled(50, 2000))]
    units = [unit.annexb() for unit in access_units(encode(FRAMES))]
    for place in places:
        path.write_bytes(data[:place])
        sidecar_of(path).write_bytes(times)
        assert entry_of(path).state is State.DAMAGED
        done = recover(path)
        assert done is not None
        left = path.read_bytes()
        assert data.startswith(left)
        assert place - len(left) == done.cut_bytes
        entry = entry_of(path)
        assert entry.frame_count == done.frames
        if not done.frames:
            assert entry.state is (State.DAMAGED if place else State.RECOVERED)
            continue
        assert entry.state is State.RECOVERED
        assert decoded_frames(path) == done.frames
        if wanted == "h264":
            assert left == b"".join(units[: done.frames])
            assert len(left) + len(units[done.frames]) > place


def cut_sidecar(path: Path) -> None:
    """The second half of the sidecar never reached the disk."""
    os.truncate(sidecar_of(path), HEADER_SIZE + FRAMES // 12 * RECORD_SIZE + 7)


def garble_sidecar(path: Path) -> None:
    """A record in its middle is another file's."""
    with sidecar_of(path).open("r+b") as file:
        file.seek(HEADER_SIZE + 3 * RECORD_SIZE)
        file.write(os.urandom(RECORD_SIZE))


def remove_sidecar(path: Path) -> None:
    """Somebody copied the recording alone."""
    sidecar_of(path).unlink()


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
@pytest.mark.parametrize("disturb", [cut_sidecar, garble_sidecar, remove_sidecar])
def test_a_sidecar_is_made_anew(
    tmp_path: Path, wanted: str, disturb: Callable[[Path], None]
) -> None:
    """What the sidecar does not tell of is found in the file, and nothing in it is lost."""
    path = record(tmp_path, wanted)
    disturb(path)
    done = recover(path)
    assert done is not None
    entry = entry_of(path)
    assert (done.frames, entry.frame_count, entry.state) == (FRAMES, FRAMES, State.RECOVERED)
    assert entry.duration_ms == pytest.approx(FRAMES * FRAME_NS / 1e6, abs=2)
    assert decoded_frames(path) == FRAMES
    if wanted == "h264":
        assert path.read_bytes() == annexb(access_units(encode(FRAMES)))


def test_a_file_with_nothing_in_it_is_damaged(tmp_path: Path) -> None:
    """Bytes that are no H.264 stay where they are not in the way, and nothing is made up."""
    for name, data in (("h264", b"\0" * 5000), ("h264", b"text" * 100), ("mp4", b"no mp4" * 1000)):
        path = tmp_path / f"recording_20251226_223031.{name}"
        path.write_bytes(data)
        done = recover(path)
        assert done is not None
        assert (done.state, done.frames, done.cut_bytes) == (State.DAMAGED, 0, 0)
        assert path.read_bytes() == data
        assert (entry_of(path).state, entry_of(path).is_closed) == (State.DAMAGED, True)
        sidecar_of(path).unlink()


def test_a_file_that_is_written_is_left_alone(tmp_path: Path) -> None:
    """Recovery beside a recorder, in this process or another, changes nothing."""
    engine, source = new_engine(tmp_path, clock_step_ns=0), new_source()
    engine.attach(source)
    path = tmp_path / str(engine.start(RecordingFormat.H264, None).filename)
    put_all(source, access_units(encode(20)))
    for _ in range(10):
        engine.step(0.0)
    assert entry_of(path).state is State.RECORDING
    assert recover(path) is None
    assert engine.stop(0).frame_count == 20
    assert (entry_of(path).state, entry_of(path).frame_count) == (State.FINISHED, 20)


def test_a_protected_file_stays_so(tmp_path: Path) -> None:
    """What a crash left of a protected recording is finished like any other."""
    path = record(tmp_path, "h264")
    os.truncate(path, path.stat().st_size - 3)
    path.chmod(0o440)
    assert recover(path) is not None
    assert (entry_of(path).protected, entry_of(path).frame_count) == (True, FRAMES - 1)


def test_without_locks_nothing_is_taken_for_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can tell whether a file is written, an open one is left alone."""
    path = record(tmp_path, "h264")
    os.truncate(sidecar_of(path), sidecar_of(path).stat().st_size - RECORD_SIZE)
    assert entry_of(path).state is State.RECOVERED

    def no_locks(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, f"no locks for {fd}, {operation}")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert entry_of(path).state is State.RECORDING
    assert recover(path) is None
    assert entry_of(record(tmp_path, "mp4")).state is State.FINISHED
