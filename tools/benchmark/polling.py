"""A reader that asks each millisecond whether the camera has written something."""

import time
from typing import Final

from petstream.h264.nal import is_random_access
from petstream.shm.head import read_index
from petstream.shm.layout import RING_SIZE
from petstream.shm.ring import RingReader
from petstream.shm.segment import Segment
from petstream.slot import Slot

__all__ = ["PollingReader"]

PERIOD_S: Final = 0.001


class PollingReader(RingReader):
    """The ring, whose index alone is looked at until it moves; the segment has to exist.

    What reads a ring without knowing the camera's rhythm does so, for want of anything to wait on.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, is_random_access=is_random_access)
        self._looked_at = Segment(name, RING_SIZE)
        self._index = 0  # all slots before it have been read

    def read(self, timeout_s: float) -> list[Slot]:
        """Wait for slots."""
        deadline = time.monotonic() + timeout_s
        while True:
            index = read_index(self._looked_at, self._index)
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

    def close(self) -> None:
        """Let go of the segment."""
        super().close()
        self._looked_at.close()
