"""What the reader thread runs: a source of access units.

The ring of a camera daemon is one (``RingReader``), a raw file another (``FileSource``). Whoever
gets H.264 from somewhere else brings a third: a class that inherits from it and has a ``read``.
"""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from petstream.errors import SourceError
from petstream.slot import Slot

__all__ = ["Source", "SourceStats"]


@dataclass(slots=True)
class SourceStats:
    """Totals since the source was made; only the thread that reads it writes them.

    Attributes:
        slots_read: handed out.
        slots_lost: claimed, but overwritten or gone with their segment before they were read.
        torn: claimed by a writer that died over them.
        rejected: copied out whole, but unusable, by reason.
        attaches: how often a segment was attached to.
        read_errors: how often an attached segment failed.
    """

    slots_read: int = 0
    slots_lost: int = 0
    torn: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    attaches: int = 0
    read_errors: int = 0


class Source(ABC):
    """Waits for access units, and gives the bytes and the capture time of each.

    One thread calls ``read`` and ``close``; any thread may look at the attributes. What ``read``
    raises is a fault of the source: the thread is started again, and ends the process if it keeps
    failing. A camera that is away is none: say so in ``fault``.

    Attributes:
        fault: why there is nothing to read, for /health and the log; None while all is well.
        stats: what was read and what was lost.
        frame_interval_ms: what somebody asked the camera for; 0 for its own rate.
        patience_s: for how long an access unit may lie unread, because nobody waits for it; any
            thread may set it, and a source may ignore it.
    """

    def __init__(self) -> None:
        self.fault: SourceError | None = None
        self.stats = SourceStats()
        self.frame_interval_ms = 0
        self.patience_s = 0.0

    @property
    def attached(self) -> bool:
        """Whether there is something to read from."""
        return self.fault is None

    @property
    def mode(self) -> str:
        """How whole access units are told from others; ``whole`` where there are no others."""
        return "whole"

    @abstractmethod
    def read(self, timeout_s: float) -> Sequence[Slot]:
        """Wait for access units, no longer than ``timeout_s``; those that came, in order.

        ``slot`` makes one of its bytes and its time.
        """

    def close(self) -> None:  # noqa: B027 - many a source has nothing to let go of
        """Let go of what is read from; more than once does no harm."""

    def slot(self, data: bytes, capture_ns: int, *, discontinuity: bool = False) -> Slot:
        """The next access unit.

        Args:
            data: Annex B; with SPS and PPS in front of the first IDR at least.
            capture_ns: nanoseconds of CLOCK_MONOTONIC, as of ``time.monotonic_ns()``.
            discontinuity: access units are missing before this one; viewers wait for an IDR then.
        """
        number = self.stats.slots_read
        self.stats.slots_read += 1
        return Slot(
            sequence=number,
            frame_number=number,
            capture_ns=capture_ns,
            read_ns=time.monotonic_ns(),
            camera_id=0,
            width=0,
            height=0,
            data=data,
            discontinuity=discontinuity,
        )
