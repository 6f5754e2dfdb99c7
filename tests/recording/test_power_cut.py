"""A power cut in the middle of a recording: crash images."""

from pathlib import Path

import pytest

from petstream.recording import RecordingFormat
from petstream.recording.entry import State, read_entry
from petstream.recording.recovery import recover
from petstream.recording.sidecar import SUFFIX
from tests.recording.crash_images import Disk, LoggedSyscalls
from tests.recording.helpers import (
    FRAME_NS,
    access_units,
    decoded_frames,
    encode,
    new_engine,
    new_source,
    put_all,
    recordings,
    small_disk,
)
from tests.scale import dice, scaled

IMAGES = scaled(20, 5000)  # of each format
FRAMES = 130


def logged_recording(directory: Path, wanted: str) -> list[tuple[str, str, bytes | int]]:
    """The log of a recording of four seconds."""
    syscalls = LoggedSyscalls()
    engine = new_engine(directory, clock_step_ns=FRAME_NS, syscalls=syscalls)
    source = new_source()
    engine.attach(source)
    engine.start(RecordingFormat(wanted), None)
    for unit in access_units(encode(FRAMES)):
        put_all(source, [unit])
        engine.step(0.0)
    assert engine.stop(0).frame_count == FRAMES
    return syscalls.log


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c06_what_was_synced_survives_a_power_cut(tmp_path: Path, wanted: str) -> None:
    """Of each image recovery makes a file that decodes and begins with all that was synced."""
    (tmp_path / "made").mkdir()
    log = logged_recording(tmp_path / "made", wanted)
    moments = dice(wanted)
    with small_disk(tmp_path / "disk", "64m") as disk:  # a disk whose syncs cost nothing
        found = 0
        for _ in range(IMAGES):
            place = disk / "image"
            place.mkdir()
            held = Disk(log[: moments.randint(1, len(log))])
            held.image(place, moments)
            found += sum(check(path, held) for path in recordings(place))
            for path in place.iterdir():
                path.unlink()
            place.rmdir()
        assert found > IMAGES // 2
    syncs = [entry for entry in log if entry[0] == "sync" and not entry[1].endswith(SUFFIX)]
    assert len(syncs) >= FRAMES * FRAME_NS // 10**9


def check(path: Path, held: Disk) -> bool:
    """Recover a file and compare; False if it had nothing in it."""
    synced = held.files[path.name].synced
    done = recover(path)
    assert done is not None
    content = path.read_bytes()
    assert content.startswith(synced)
    entry = read_entry(path.parent, path.name)
    assert entry is not None
    assert entry.is_closed
    if not done.frames:
        # The header of an MP4 is synced before its first fragment.
        assert len(synced) == 0 or b"moof" not in synced
        return False
    assert entry.state is State.RECOVERED or content == synced
    assert decoded_frames(path) == done.frames
    return True
