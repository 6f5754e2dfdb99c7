"""A source that a test feeds by hand."""

import threading
import time
from collections.abc import Sequence

from petstream import Slot, Source

__all__ = ["Handed"]


class Handed(Source):
    """Hands out what it is given, as a queue would."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[bytes] = []
        self.given = threading.Condition()
        self.closed = False

    def give(self, *units: bytes) -> None:
        """Let these be read."""
        with self.given:
            self.waiting += units
            self.given.notify()

    def read(self, timeout_s: float) -> Sequence[Slot]:
        """All that are there."""
        with self.given:
            self.given.wait_for(lambda: self.waiting, timeout_s)
            units, self.waiting = self.waiting, []
        return [self.slot(unit, time.monotonic_ns()) for unit in units]

    def close(self) -> None:
        """Note it."""
        self.closed = True
