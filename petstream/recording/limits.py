"""How long a recording, and each of its files, may become."""

from dataclasses import dataclass
from typing import Final

from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["NO_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one recording.

    Attributes:
        max_duration_s: it ends by itself after so many seconds of stream or of our own clock,
            whichever comes first; None for never.
        segment_s: a file is followed by another at the first IDR after so many seconds; None for
            never.
    """

    max_duration_s: float | None = None
    segment_s: float | None = None

    def reached(self, ticks: int) -> bool:
        """A recording that would go on at ``ticks`` is over."""
        return self.max_duration_s is not None and ticks >= self.max_duration_s * CLOCK_RATE

    def segment_full(self, ticks: int) -> bool:
        """A file of so many ticks is long enough."""
        return self.segment_s is not None and ticks >= self.segment_s * CLOCK_RATE


NO_LIMITS: Final = Limits()
