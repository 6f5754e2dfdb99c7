"""Arithmetic of the ring's counts: the daemon's index wraps at 2^32 while its slots wrap at 30.

Strategy: what is read as 32 bits is unwrapped at once, so that everywhere else counts are plain
integers that are compared and subtracted as such. Count k lives in slot (k mod 2^32) mod 30, and
2^32 mod 30 is 16: when the index wraps, the slots jump from 15 to 0, so that near the wrap a slot
is claimed again sooner (16 counts later) or later (46) than the usual 30.
"""

from typing import Final

from .layout import RING_SLOTS

__all__ = ["INDEX_MODULUS", "is_safe", "reuse_distance", "slot_of", "unwrap"]

INDEX_MODULUS: Final = 2**32

_HALF: Final = INDEX_MODULUS // 2
_SHIFT: Final = INDEX_MODULUS % RING_SLOTS


def unwrap(index: int, near: int) -> int:
    """The count nearest to ``near`` that a 32-bit index can stand for.

    It is smaller than ``near`` if the index went back, because the daemon started its count again:
    forward, half the number circle is 2.2 years at 30 fps.
    """
    return near + (index - near + _HALF) % INDEX_MODULUS - _HALF


def slot_of(count: int) -> int:
    """The slot in which the daemon writes this count."""
    return count % INDEX_MODULUS % RING_SLOTS


def reuse_distance(count: int) -> int:
    """How many claims after this count its slot is claimed again: 30, or 16 or 46 at the wrap."""
    left = INDEX_MODULUS - count % INDEX_MODULUS
    if left > RING_SLOTS:
        return RING_SLOTS
    return _SHIFT if left <= _SHIFT else RING_SLOTS + _SHIFT


def is_safe(count: int, index: int) -> bool:
    """Whether the slot of a claimed count cannot be under the writer's hands at this index.

    The claim that reuses the slot makes the index ``count + reuse_distance + 1``. One further slot
    is given up, because on a weakly ordered CPU the copy's first stores may be seen before the
    claim that precedes them. An index below the count is that of a new daemon: nothing is safe.
    """
    ahead = index - count
    # Mostly it is so little that the wrap need not be thought of.
    return 0 <= ahead < _SHIFT or 0 <= ahead < reuse_distance(count)
