"""What the simulator says of itself: a line to begin with, one that is rewritten, one to end.

Strategy: the rewritten line goes to a terminal only, and reads the camera's figures without
asking its thread for anything. Output that nobody takes (a closed pipe) stops nothing.
"""

import contextlib
import sys
import time

from simulator.camera import Camera
from simulator.pacing import NS_PER_S

__all__ = ["Progress"]

_CLEAR = "\r\x1b[K"
_REWRITE_EVERY_S = 0.5


class Progress:
    """Tells on stderr what a camera does; one thread uses it."""

    def __init__(self, camera: Camera, *, quiet: bool = False) -> None:
        self._camera = camera
        self._quiet = quiet or sys.stderr is None  # which it is when the shell closed it
        self._is_live = not self._quiet and sys.stderr.isatty()
        self._rewritten_s = time.monotonic()
        self._access_units = 0
        self._bytes = 0
        self._told = 0  # faults

    def begin(self) -> None:
        """One line: which clip goes where, and how."""
        camera, fixture = self._camera, self._camera.fixture
        verb = "made" if camera.writer.created else "taken over"
        self._line(
            f"{fixture.name}: {camera.width}x{camera.height}, {float(camera.fps):g} a second"
            f" -> {camera.writer.name} ({verb})"
        )

    def update(self) -> None:
        """Tell what went wrong, and rewrite the line with the rates; call it often."""
        self._tell_faults()
        passed_s = time.monotonic() - self._rewritten_s
        if not self._is_live or passed_s < _REWRITE_EVERY_S:
            return
        stats = self._camera.stats
        units, size = stats.access_units, stats.bytes
        rate = (units - self._access_units) / passed_s
        megabits = (size - self._bytes) * 8 / passed_s / 1e6
        self._write(
            f"{_CLEAR}{units} access units  {rate:.1f}/s  {megabits:.2f} Mbit/s"
            f"  loop {stats.loops + 1}  {stats.late} late"
        )
        self._rewritten_s += passed_s
        self._access_units, self._bytes = units, size

    def end(self) -> None:
        """Take the rewritten line away, so that whatever follows begins a line."""
        self._tell_faults()
        if self._is_live:
            self._write(_CLEAR)

    def summary(self) -> None:
        """One line: what was done in all; for when the camera has stopped."""
        camera, stats = self._camera, self._camera.stats
        lasted_s = (time.monotonic_ns() - stats.started_ns) / NS_PER_S if stats.started_ns else 0.0
        fate = "unlinked" if camera.writer.created else "left in place"
        self._line(
            f"{stats.access_units} access units, {stats.bytes} bytes in {lasted_s:.1f} s,"
            f" {stats.loops} times to the end, {stats.late} late; {camera.writer.name} {fate}"
        )

    def _tell_faults(self) -> None:
        """One line for each fault that the camera has begun since the last call."""
        faults = self._camera.faults[self._told :]
        self._told += len(faults)
        for fault in faults:
            if self._is_live:
                self._write(_CLEAR)
            self._line(fault.describe())

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._write(f"petstream-sim: {text}\n")

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
