"""A raw H.264 file as a source: played as a camera would send it."""

import time
from collections.abc import Sequence
from pathlib import Path

from petstream.errors import SourceError, StreamError
from petstream.h264.access_units import split_access_units
from petstream.h264.frame_rate import frame_rate_of
from petstream.slot import Slot
from petstream.source import Source

__all__ = ["FileSource"]


class FileSource(Source):
    """Plays a raw ``.h264`` file, which it holds in memory, at its own rate.

    Each access unit is handed out when it is due, the first at once, and that is its capture time.
    At the end ``fault`` says so, unless it begins again.
    """

    def __init__(self, path: str | Path, *, fps: float | None = None, loop: bool = False) -> None:
        """Read the file.

        Args:
            path: Annex B, with SPS and PPS in front.
            fps: access units a second; if None what the SPS says, or 30.
            loop: begin again at the end.

        Raises:
            SourceError: the file cannot be read, or there is no picture in it.
            ValueError: ``fps`` is not above 0.
        """
        super().__init__()
        self._name = Path(path).name
        self._units = _read(Path(path))
        self.fps = frame_rate_of(self._units[0]) if fps is None else fps
        if self.fps <= 0:
            raise ValueError(f"fps is {fps}, it has to be above 0")
        self._loop = loop
        self._begin_ns: int | None = None

    def read(self, timeout_s: float) -> Sequence[Slot]:
        """Wait until the next access unit is due; none if that is later, or at the end."""
        number, now_ns = self.stats.slots_read, time.monotonic_ns()
        if number == len(self._units) and not self._loop:
            self.fault = SourceError("ended", f"{self._name} has ended: {number} access units")
        if self.fault is not None:
            time.sleep(timeout_s)
            return []
        if self._begin_ns is None:
            self._begin_ns = now_ns
        due_ns = self._begin_ns + int(number * 1e9 / self.fps)
        time.sleep(min(timeout_s, max(0, due_ns - now_ns) / 1e9))
        if time.monotonic_ns() < due_ns:
            return []
        return [self.slot(self._units[number % len(self._units)], due_ns)]


def _read(path: Path) -> list[bytes]:
    try:
        units = split_access_units(path.read_bytes())
    except OSError as error:
        raise SourceError("unreadable", f"{path} cannot be read: {error.strerror}") from error
    except StreamError as error:
        raise SourceError("no_picture", f"{path} is no H.264 byte stream: {error}") from error
    if not units:
        raise SourceError("no_picture", f"{path} has no picture in it; is it raw H.264 (Annex B)?")
    return units
