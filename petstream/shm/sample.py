"""What one look at the head of the ring tells the gate."""

from dataclasses import dataclass

from .layout import SEM_VALUE_MAX

__all__ = ["Sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The head of the ring as it stood at one moment.

    Attributes:
        index: how many counts were claimed, not cut to 32 bits.
        interval_ms: what somebody asked the camera for; 0 for its own rate.
        value, waiters: of the semaphore.
        now_ns: CLOCK_MONOTONIC.
    """

    index: int
    interval_ms: int
    value: int
    waiters: int
    now_ns: int

    @property
    def difference(self) -> int:
        """Claims minus posts, up to a constant."""
        return self.index - self.value

    @property
    def is_usable(self) -> bool:
        """Whether nobody waits and the value can still rise.

        A waiter that was killed is counted for ever; one that lives leaves no two posts lying.
        """
        return (self.waiters == 0 or self.value > 1) and self.value < SEM_VALUE_MAX
