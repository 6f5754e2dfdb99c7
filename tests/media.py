"""What Debian's ffprobe says of a file."""

import subprocess
from pathlib import Path

__all__ = ["count_frames"]


def count_frames(path: Path) -> int:
    """How many pictures ffprobe decodes, having met no error."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0"]
    command += ["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return int(done.stdout.strip().strip(","))
