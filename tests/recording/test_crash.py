"""The server killed in the middle of a recording."""

import subprocess
import sys
from pathlib import Path

import pytest

from petstream.recording.entry import State, read_entry
from petstream.recording.recovery import recover
from tests.recording import crash_child
from tests.recording.helpers import decode_errors, decoded_frames, packet_times, recordings
from tests.scale import dice, scaled

KILLED = scaled(2, 100)


def record_and_kill(directory: Path, wanted: str) -> list[tuple[Path, list[int]]]:
    """Each recording, and the capture times in ns of what its recorder had been handed."""
    seed = dice(wanted).randrange(2**32)
    command = [sys.executable, "-m", crash_child.__name__]
    subprocess.run([*command, str(directory), wanted, str(KILLED), str(seed)], check=True)
    killed = []
    for number in range(KILLED):
        place = directory / str(number)
        lines = (place / "handed").read_text().splitlines(keepends=True)
        (place / "handed").unlink()
        (path,) = recordings(place)
        killed.append((path, [int(line) for line in lines if line.endswith("\n")]))
    return killed


@pytest.mark.timeout(scaled(120, 1200))
@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c05_a_recording_survives_kill_9(tmp_path: Path, wanted: str) -> None:
    """Each file plays; a raw one misses one access unit at most, an MP4 a second at most."""
    killed = record_and_kill(tmp_path, wanted)
    for path, handed in killed:
        frames = decoded_frames(path)
        if wanted == "h264":
            assert len(handed) - 1 <= frames <= len(handed) + 1
        else:
            recorded_s = packet_times(path)[-1]
            assert (handed[-1] - handed[0]) / 1e9 - recorded_s <= 1.0
        before = read_entry(path.parent, path.name)
        assert before is not None
        assert before.state in {State.RECOVERED, State.DAMAGED}
        assert recover(path)
        after = read_entry(path.parent, path.name)
        assert after is not None
        assert (after.state, after.frame_count) == (State.RECOVERED, decoded_frames(path))
        assert after.frame_count >= before.frame_count
    for path, _ in killed[:3]:  # ffmpeg itself is a witness, and a slow one
        assert decode_errors(path) == ""
