"""Capture time as RTP time: 90 kHz, strictly rising, whatever the camera's clock does.

Strategy: while the capture clock and our own clock advance alike, RTP time is the capture time
and nothing else, so that it does not drift. When the two disagree by more than a camera can
explain (a restart, a step, a timestamp of zero), the mapping is anchored anew and RTP time goes on
from where it was, by as much as really passed.
"""

from typing import Final

__all__ = ["CLOCK_RATE", "Timeline", "ticks_from_ns"]

CLOCK_RATE: Final = 90_000  # RFC 6184 section 8.2.1
STEP_MAX_NS: Final = 1_000_000_000  # capture and arrival may disagree by this much: queues, bursts


def ticks_from_ns(duration_ns: int) -> int:
    """Nanoseconds as ticks of the 90 kHz clock, rounded to the nearest."""
    return (duration_ns * 9 + 50_000) // 100_000


class Timeline:
    """Maps capture times to RTP ticks, which are not yet cut to 32 bits.

    Attributes:
        steps: how often the mapping had to be anchored anew.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._anchor_ns: int | None = None  # this capture time ...
        self._anchor_ticks = 0  # ... has this RTP time
        self._last_ticks = 0
        self._last_capture_ns = 0
        self._last_read_ns = 0

    def ticks(self, capture_ns: int, read_ns: int) -> int:
        """The RTP time of the next access unit, always above the one before.

        Args:
            capture_ns: when the camera says it was captured, any clock.
            read_ns: when it was read, CLOCK_MONOTONIC of this machine.
        """
        if self._anchor_ns is None:
            self._anchor_ns = capture_ns
            ticks = 0
        else:
            captured = capture_ns - self._last_capture_ns
            passed = read_ns - self._last_read_ns
            if captured <= 0 or abs(captured - passed) > STEP_MAX_NS:
                self.steps += 1
                self._anchor_ns = capture_ns
                self._anchor_ticks = self._last_ticks + max(1, ticks_from_ns(passed))
            ticks = self._anchor_ticks + ticks_from_ns(capture_ns - self._anchor_ns)
            ticks = max(ticks, self._last_ticks + 1)
        self._last_ticks = ticks
        self._last_capture_ns = capture_ns
        self._last_read_ns = read_ns
        return ticks
