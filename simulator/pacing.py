"""When the next access unit is due.

Strategy: absolute deadlines. Deadline number n is the anchor plus n exact intervals, so neither
a late wake-up nor rounding adds up, however long the simulator runs. The anchor moves in two
cases only: when the interval changes (it becomes the last deadline), and when the machine was
held up for so long that catching up would be a burst no camera produces (it becomes now).

No thread and no sleep in here: the clock is handed in and the caller waits.
"""

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Final

__all__ = ["LAG_MAX_NS", "NS_PER_MS", "NS_PER_S", "Pacer", "interval_of_fps"]

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

# Seven access units at 30 fps: caught up at once they still leave most of the ring's 30 slots
# to a reader.
LAG_MAX_NS: Final = 250 * NS_PER_MS


def interval_of_fps(fps: Fraction) -> Fraction:
    """The time between two access units, in nanoseconds, not rounded."""
    return NS_PER_S / fps


class Pacer:
    """Hands out deadlines on the clock it was given; one thread uses it.

    Attributes:
        skipped: how often the schedule was given up because it lay too far in the past.
    """

    def __init__(
        self, clock: Callable[[], int] = time.monotonic_ns, *, lag_max_ns: int = LAG_MAX_NS
    ) -> None:
        self.skipped = 0
        self._clock = clock
        self._lag_max_ns = lag_max_ns
        self._anchor_ns: int | None = None
        self._interval_ns = Fraction(0)
        self._count = 0  # intervals since the anchor

    def next_deadline(self, interval_ns: Fraction) -> int:
        """The instant the next access unit is due, in nanoseconds of the clock.

        The first deadline is now; each later one lies ``interval_ns`` after the one before it,
        never before it, and at most ``lag_max_ns`` in the past.
        """
        now_ns = self._clock()
        if self._anchor_ns is None:
            return self._restart(now_ns, interval_ns)
        if interval_ns != self._interval_ns:
            self._restart(self._deadline(self._anchor_ns), interval_ns)
        self._count += 1
        deadline_ns = self._deadline(self._anchor_ns)
        if now_ns - deadline_ns > self._lag_max_ns:
            self.skipped += 1
            return self._restart(now_ns, interval_ns)
        return deadline_ns

    def _deadline(self, anchor_ns: int) -> int:
        return anchor_ns + int(self._count * self._interval_ns)

    def _restart(self, anchor_ns: int, interval_ns: Fraction) -> int:
        self._anchor_ns = anchor_ns
        self._interval_ns = interval_ns
        self._count = 0
        return anchor_ns
