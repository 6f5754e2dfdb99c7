"""Fan-out: every access unit to every subscription, none of which can hold up another.

Strategy: each subscription owns a bounded queue and an IDR gate. Publishing never waits: what
does not fit is dropped and closes that subscription's gate until the next IDR that fits, so that
whoever reads the queue never sees a picture without its reference.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from petstream.flow import BoundedQueue
from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import IdrGate

__all__ = ["Distributor", "Subscription"]


class Subscription:
    """One consumer's queue: the distributor offers, the consumer gets."""

    def __init__(
        self,
        name: str,
        *,
        max_items: int,
        max_bytes: int,
        on_ready: Callable[[], None] | None,
        on_close: Callable[["Subscription"], None],
        is_urgent: Callable[[], bool],
    ) -> None:
        self.name = name
        self.is_urgent = is_urgent  # whether somebody waits for the next access unit
        self.sent = 0  # access units queued
        self.dropped = 0  # access units refused, by a full queue or a closed gate
        self._queue = BoundedQueue[AccessUnit](max_items=max_items, max_bytes=max_bytes)
        self._gate = IdrGate()
        self._on_ready = on_ready
        self._on_close = on_close

    def offer(self, access_unit: AccessUnit) -> None:
        """Queue it, or count it as dropped; never waits."""
        started = self.sent > 0
        if not self._gate.admit(access_unit):
            # Before the first IDR nothing was owed to this consumer, so nothing was lost.
            self.dropped += started
            return
        if not self._queue.put(access_unit, access_unit.size):
            self._gate.close()
            self.dropped += 1
            return
        self.sent += 1
        if self._on_ready is not None:
            self._on_ready()

    def get(self, timeout_s: float | None = None) -> AccessUnit | None:
        """The next access unit; None after the time-out, ``wake`` or ``close``."""
        return self._queue.get(timeout_s)

    def wake(self) -> None:
        """Make a waiting ``get`` return None."""
        self._queue.wake()

    @property
    def queued(self) -> int:
        """Access units that wait."""
        return len(self._queue)

    @property
    def usage_percent(self) -> float:
        """How full the queue is."""
        return self._queue.usage_percent

    def close(self) -> None:
        """Receive nothing more."""
        self._on_close(self)
        self._queue.wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Distributor:
    """Hands each published access unit to all subscriptions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the swap of _subscriptions
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(
        self,
        name: str,
        *,
        max_items: int = 120,
        max_bytes: int = 32 * 2**20,
        on_ready: Callable[[], None] | None = None,
        is_urgent: Callable[[], bool] = lambda: True,
    ) -> Subscription:
        """A new subscription, which begins with the next IDR (any thread).

        Args:
            name: for logs and metrics.
            max_items: bound of its queue in access units.
            max_bytes: bound of its queue in bytes.
            on_ready: called by whoever publishes after each access unit queued; must not wait.
            is_urgent: whether somebody waits for the next access unit (any thread); where nobody
                does, several may come at once, a little later.
        """
        subscription = Subscription(
            name,
            max_items=max_items,
            max_bytes=max_bytes,
            on_ready=on_ready,
            on_close=self._remove,
            is_urgent=is_urgent,
        )
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    @property
    def is_urgent(self) -> bool:
        """Whether any subscription waits for the next access unit."""
        return any(subscription.is_urgent() for subscription in self._subscriptions)

    def publish(self, access_unit: AccessUnit) -> None:
        """Offer it to every subscription (one thread at a time)."""
        for subscription in self._subscriptions:
            subscription.offer(access_unit)

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)
