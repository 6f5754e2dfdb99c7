"""The CPU time of one thread, and the stacks it is booked on.

Strategy: the kernel's clock of the thread says exactly how much CPU it used during a profile; what
the sampler saw only decides how that is shared out. Stacks at which the thread was caught working
get the time, as far as they can explain it; the rest, work in bursts too short to be caught, goes
to where the thread waits in between.
"""

import time
from collections import Counter
from types import FrameType
from typing import Final

from petstream.profiling.stacks import RawStack, walk

__all__ = ["PERIOD_NS", "ThreadAccount"]

PERIOD_NS: Final = 40_000_000  # from one look to the next

# A thread that wakes or falls asleep within a look uses some CPU on both sides of it.
_WORKING_MIN: Final = 0.02

# A burst cannot be caught while it is young, so each look stands for more than its share of
# time. As long as there are few, for no more than this: a lucky one must not name the place for
# all that a thread did.
_EXPLAINED_MAX: Final = 5
_FEW: Final = 10


class ThreadAccount:
    """One thread during one profile.

    Attributes:
        name: of the thread.
        native_id: of the thread, in the kernel.
        begin_ns: its CPU time when the profile began; 0 for a thread that began later.
        now_ns: its CPU time when it was last looked at.
    """

    __slots__ = (
        "_before_ns",
        "_catches",
        "_caught",
        "_clock",
        "_middle_ns",
        "_stack",
        "_waited",
        "begin_ns",
        "name",
        "native_id",
        "now_ns",
    )

    def __init__(self, name: str, native_id: int) -> None:
        self.name = name
        self.native_id = native_id
        # The kernel's number for the CPU clock of a thread (include/linux/posix-timers.h), which
        # pthread_getcpuclockid() gives too; but this one is safe when the thread has ended.
        self._clock = ~native_id << 3 | 6
        self.begin_ns = 0
        self.now_ns = 0
        self._before_ns = 0
        self._middle_ns = 0
        self._stack: RawStack = ()
        self._catches = 0
        self._caught: Counter[RawStack] = Counter()  # estimate of CPU time by stack
        self._waited: Counter[RawStack] = Counter()  # CPU time up to looks that found it waiting

    def read(self) -> int:
        """Its CPU time now, in nanoseconds; where it was last if it has ended."""
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:
            return self.now_ns

    def open_look(self) -> bool:
        """Take its CPU time some moments before it is looked at.

        Returns:
            Whether it has used any since the last look; if not, there is nothing to look at.
        """
        self._before_ns = self.read()
        return self._before_ns != self.now_ns

    def look(self, frame: FrameType) -> None:
        """Take its CPU time and its stack."""
        self._middle_ns = self.read()
        self._stack = walk(frame)

    @property
    def busy(self) -> bool:
        """Whether it was on the CPU just before the look."""
        return self._middle_ns > self._before_ns

    def close_look(self, before_ns: int, after_ns: int) -> None:
        """Book what the look has shown, some moments after it.

        Args:
            before_ns: time from open_look to look.
            after_ns: time from look until now.
        """
        share = 0.0
        if self.busy:
            share = min(
                (self._middle_ns - self._before_ns) / before_ns,
                (self.read() - self._middle_ns) / after_ns,
            )
        if share > _WORKING_MIN:
            self._catches += 1
            self._caught[self._stack] += int(min(share, 1.0) * PERIOD_NS)
        else:
            self._waited[self._stack] += self._middle_ns - self.now_ns
        self.now_ns = self._middle_ns

    @property
    def total_ns(self) -> int:
        """CPU time during the profile."""
        return self.now_ns - self.begin_ns

    def shares(self) -> Counter[RawStack]:
        """CPU time during the profile, by stack."""
        explained = self.total_ns
        if self._waited and self._catches < _FEW:
            explained = min(explained, self._caught.total() * _EXPLAINED_MAX)
        shares: Counter[RawStack] = Counter()
        for counts, amount in (
            (self._caught, explained),
            (self._waited, self.total_ns - explained),
        ):
            whole = counts.total()
            for stack, weight in counts.items():
                shares[stack] += amount * weight // whole
        return +shares
