"""The first 16 bytes of the ring, read as they stood at one moment.

Strategy: one pread is not atomic, index and semaphore value may be copied at different times. Two
in a row that agree are as good as atomic: both stood still from the first to the second. One is
enough where it shows as many posts as claims since the writer rested: whichever of the two was
copied first, each of those claims had been posted when the second was.
"""

import time
from struct import Struct
from typing import Final

from .counts import unwrap
from .layout import Ring
from .sample import Sample
from .segment import Segment

__all__ = ["HEAD_OFFSET", "HEAD_SIZE", "read_head", "read_index", "sample_of"]

HEAD_OFFSET: Final = Ring.write_index.offset
_HEAD: Final = Struct("<4I")  # write_index, frame_interval_ms, semaphore value, its waiters
_INDEX: Final = Struct("<I")
HEAD_SIZE: Final = _HEAD.size
_TRIES: Final = 8


def read_head(segment: Segment, previous: bytes = b"") -> bytes:
    """Read the head; from a writer too busy to stand still for two reads, the last one is taken.

    Args:
        segment: the ring.
        previous: what was read before; a head that is still the same takes only one read.

    Raises:
        SegmentError: the segment ended or cannot be read.
    """
    raw = previous
    for _ in range(_TRIES):
        again = segment.pread(HEAD_SIZE, HEAD_OFFSET)
        if again == raw:
            break
        raw = again
    return raw


def sample_of(head: bytes, near: int | None = None) -> Sample:
    """The head as a sample taken now.

    Args:
        head: as it was read.
        near: a count that the index is to be unwrapped to; None for the first 2^32.
    """
    index, interval_ms, value, waiters = _HEAD.unpack(head)
    if near is not None:
        index = unwrap(index, near)
    return Sample(index, interval_ms, value, waiters, time.monotonic_ns())


def read_index(segment: Segment, near: int) -> int:
    """Read ``write_index`` alone, to see whether the writer has come near; unwrapped."""
    index: int = _INDEX.unpack(segment.pread(_INDEX.size, HEAD_OFFSET))[0]
    return unwrap(index, near)
