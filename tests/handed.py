"""A source that a test feeds by hand."""

import threading
import time
from collections.abc import Iterable, Sequence

from petstream import Petstream, Slot, Source
from tests.waiting import wait_until

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

    def feed(self, petstream: Petstream, units: Iterable[bytes]) -> None:
        """Give them one by one, none before the one in front of it is published."""
        counters = petstream.pipeline.counters
        for unit in units:
            published = counters.published
            self.give(unit)
            wait_until(lambda published=published: counters.published > published, "an access unit")  # type: ignore[misc]

    def read(self, timeout_s: float) -> Sequence[Slot]:
        """All that are there."""
        with self.given:
            self.given.wait_for(lambda: self.waiting, timeout_s)
            units, self.waiting = self.waiting, []
        return [self.slot(unit, time.monotonic_ns()) for unit in units]

    def close(self) -> None:
        """Note it."""
        self.closed = True
