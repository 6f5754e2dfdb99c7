"""How much room recordings have, measured on a thread of its own.

Strategy: asking a disk that hangs takes for ever, so that nobody who has to answer asks it: one
thread does, once a second, and the others look at what it found and how long ago that was.
"""

import os
import threading
import time
from pathlib import Path
from typing import Final

from petstream.recording.directory import reason_of

__all__ = ["DiskWatch"]

INTERVAL_S: Final = 0.5


class DiskWatch:
    """The file system under one directory.

    ``run`` belongs to the disk thread; any thread may read the attributes.

    Attributes:
        path: the directory, which may be missing as long as it can be made.
        free_bytes: what recordings may still take; None before it is known, and where the file
            system does not count.
        fault: why no file can be made there, in words; None if one can.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.free_bytes: int | None = None
        self.fault: str | None = None
        self._measured_at = time.monotonic()

    @property
    def silent_s(self) -> float:
        """For how long a measurement has been overdue; 0 if none is."""
        return max(0.0, time.monotonic() - self._measured_at - INTERVAL_S)

    def run(self, stop: threading.Event) -> None:
        """The disk thread's loop."""
        while not stop.is_set():
            self.measure()
            stop.wait(INTERVAL_S)

    def measure(self) -> None:
        """Ask once; returns when the disk has answered."""
        try:
            directory = _existing(self.path)
            space = os.statvfs(directory)
            self.free_bytes = space.f_bavail * space.f_frsize if space.f_blocks else None
            writable = os.access(directory, os.W_OK | os.X_OK, effective_ids=True)
            self.fault = None if writable else f"{directory} is not writable"
        except OSError as error:
            self.free_bytes, self.fault = None, f"{self.path}: {reason_of(error)}"
        self._measured_at = time.monotonic()


def _existing(path: Path) -> Path:
    """The directory, or the nearest one above it that is there."""
    for candidate in (path, *path.absolute().parents):
        if candidate.is_dir():
            return candidate
        if candidate.exists():
            raise NotADirectoryError(20, "not a directory", str(candidate))
    return Path("/")
