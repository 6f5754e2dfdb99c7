"""A reader that asks each millisecond whether the camera has written something."""

import mmap
import time
from pathlib import Path
from typing import Final

from petstream.h264.nal import is_random_access
from petstream.shm.layout import Ring
from petstream.shm.ring import RingReader
from petstream.slot import Slot

__all__ = ["PollingReader"]

PERIOD_S: Final = 0.001
INDEX: Final = slice(Ring.write_index.offset, Ring.write_index.offset + Ring.write_index.size)


class PollingReader(RingReader):
    """The ring, whose index alone is looked at until it moves; the segment has to exist.

    What reads a ring without knowing the camera's rhythm does so, for want of anything to wait on.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, is_random_access=is_random_access)
        with (Path("/dev/shm") / name.lstrip("/")).open("rb") as segment:
            self._map = mmap.mmap(segment.fileno(), INDEX.stop, access=mmap.ACCESS_READ)
        self._index = b""  # all slots up to it have been read

    def read(self, timeout_s: float) -> list[Slot]:
        """Wait for slots."""
        deadline = time.monotonic() + timeout_s
        while True:
            index = self._map[INDEX]
            if index != self._index:
                slots = super().read(0)
                cursor = self._cursor
                if cursor is not None and cursor.at_rest and not cursor.has_more:
                    self._index = index
                if slots:
                    return slots
            if time.monotonic() >= deadline:
                return []
            time.sleep(PERIOD_S)
