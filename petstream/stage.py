"""A step of the pipeline: what it does with an item, on whose thread, and what is kept for later.

Strategy: waking a thread costs more than most steps themselves, a third of a millisecond of latency
for all of them. So whoever brings an item does the step itself while nothing waits in front of it:
an access unit then goes from shared memory to the viewers' sockets without one thread waiting for
another. Whoever brings many at once queues them, and the step's own thread works them off beside
him. In both cases a fault is the thread's, which is entered again for it, and so is a step that
does not end.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from petstream.flow import BoundedQueue
from petstream.threads import SupervisedThread

__all__ = ["Stage"]

Item = TypeVar("Item")


class Stage(SupervisedThread, Generic[Item]):
    """One step. One thread gives it items, one at a time."""

    def __init__(
        self,
        name: str,
        handle: Callable[[Item], None],
        *,
        max_items: int,
        max_bytes: int,
        on_fatal: Callable[[str, Exception], None],
    ) -> None:
        """Make it; nothing is started.

        Args:
            name: of its thread.
            handle: does the step; never called twice at once, and must not wait.
            max_items, max_bytes: bounds of its queue.
            on_fatal: see SupervisedThread.
        """
        super().__init__(name, self._work_off, on_fatal=on_fatal)
        self._handle = handle
        self._queue = BoundedQueue[Item](max_items=max_items, max_bytes=max_bytes)
        self._queued = 0  # giver: items ever queued
        self._worked_off = 0  # its thread: of those, the ones that are done with
        self._raised: Exception | None = None  # on the giver's thread, and not told yet
        self._begun_at: float | None = None  # time.monotonic() of the item that is being handled

    @property
    def is_behind(self) -> bool:
        """Whether items wait, or are being worked off by its thread."""
        return self._queued != self._worked_off

    @property
    def silent_s(self) -> float:
        """For how long one item has been overdue (any thread); 0 if none is."""
        begun_at = self._begun_at
        return 0.0 if begun_at is None else max(0.0, time.monotonic() - begun_at - self._period_s)

    def give(self, item: Item, size: int, *, more: bool) -> bool:
        """Handle an item, or queue it if others are before it.

        Args:
            size: in bytes.
            more: others follow at once, so that it pays to have the thread do it.

        Returns:
            False if it is lost: the queue is full, or it could not be handled.
        """
        if more or self.is_behind or self._raised is not None:
            taken = self._queue.put(item, size)
            self._queued += taken
            return taken
        try:
            self._do(item)
        except Exception as exc:  # noqa: BLE001 - raised again by the thread, which is watched
            self._raised = exc
            self._queue.wake()
            return False
        return True

    def request_stop(self) -> None:
        """Ask the thread to return, without waiting for it."""
        super().request_stop()
        self._queue.wake()

    def _do(self, item: Item) -> None:
        self._begun_at = time.monotonic()
        try:
            self._handle(item)
        finally:
            self._begun_at = None

    def _work_off(self, stop: threading.Event) -> None:
        while not stop.is_set():
            item = self._queue.get()
            if self._raised is not None:
                raised, self._raised = self._raised, None
                raise raised
            if item is not None:
                try:
                    self._do(item)
                finally:
                    self._worked_off += 1
