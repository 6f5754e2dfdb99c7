"""The queue between two threads: bounded in items and in bytes, and never a place to wait in.

Strategy: a ``queue.SimpleQueue`` carries the items, because its hand-off costs half of what
``queue.Queue`` needs and wakes the other thread in half the time; this class adds the bounds and
refuses what does not fit instead of blocking, because a thread in front of a full queue would hold
up everything behind it. Whoever is refused decides what the loss means.
"""

import queue
import threading
from typing import Generic, TypeVar

__all__ = ["BoundedQueue"]

Item = TypeVar("Item")


class BoundedQueue(Generic[Item]):
    """A FIFO for one producer thread and one consumer thread."""

    def __init__(self, *, max_items: int, max_bytes: int) -> None:
        self.max_items = max_items
        self.max_bytes = max_bytes
        self._queue: queue.SimpleQueue[tuple[Item, int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards _items and _bytes
        self._items = 0
        self._bytes = 0

    def put(self, item: Item, size: int) -> bool:
        """Append ``item`` of ``size`` bytes; False, at once, if it does not fit.

        An item larger than the byte bound is taken by an empty queue, so that it can pass at all.
        """
        with self._lock:
            if self._items >= self.max_items:
                return False
            if self._items and self._bytes + size > self.max_bytes:
                return False
            self._items += 1
            self._bytes += size
        self._queue.put((item, size))
        return True

    def get(self, timeout_s: float | None = None) -> Item | None:
        """The oldest item, waiting for it up to ``timeout_s`` (0: not at all; None: for ever).

        Returns:
            None after the time-out and after ``wake``.
        """
        if timeout_s == 0 and self._queue.empty():  # cheaper than an exception for each drain
            return None
        try:
            entry = self._queue.get(block=timeout_s != 0, timeout=timeout_s or None)
        except queue.Empty:
            return None
        if entry is None:
            return None
        item, size = entry
        with self._lock:
            self._items -= 1
            self._bytes -= size
        return item

    def wake(self) -> None:
        """Make a waiting ``get`` return None now; a queue with items in it needs no waking."""
        if self._queue.empty():
            self._queue.put(None)

    def clear(self) -> int:
        """Throw away what waits, and say how many items that was (consumer thread)."""
        count = 0
        while not self._queue.empty():
            if self.get(0) is not None:
                count += 1
        return count

    @property
    def usage_percent(self) -> float:
        """How full it is, by items or by bytes, whichever is nearer its bound."""
        with self._lock:
            fullness = max(self._items / self.max_items, self._bytes / self.max_bytes)
        return min(100.0, 100.0 * fullness)

    def __len__(self) -> int:
        with self._lock:
            return self._items
