"""Arithmetic of the ring's counts, which wrap at 2^32 while its slots wrap at 30.

Strategy: pure functions on unsigned 32-bit counts. Count k lives in slot k mod 30, and 2^32 mod 30
is 16: when the index wraps, the slots jump from 15 to 0, so that near the wrap a slot is claimed
again sooner (16 counts later) or later (46) than the usual 30.
"""

from typing import Final

from .layout import RING_SLOTS

__all__ = ["COUNT_MODULUS", "forward", "is_behind", "is_safe", "reuse_distance", "slot_of", "step"]

COUNT_MODULUS: Final = 2**32

_SHIFT: Final = COUNT_MODULUS % RING_SLOTS


def slot_of(count: int) -> int:
    """The slot in which the daemon writes this count."""
    return count % RING_SLOTS


def step(count: int, by: int) -> int:
    """The count that lies ``by`` claims after (negative: before) this one."""
    return (count + by) % COUNT_MODULUS


def forward(start: int, end: int) -> int:
    """How many claims lead from ``start`` to ``end``, 0 to 2^32 - 1."""
    return (end - start) % COUNT_MODULUS


def is_behind(index: int, earlier: int) -> bool:
    """Whether the index went back since it was ``earlier``: the daemon started its count again.

    Half the number circle tells the two apart: forward it is 2.2 years at 30 fps.
    """
    return forward(earlier, index) >= COUNT_MODULUS // 2


def reuse_distance(count: int) -> int:
    """How many claims after this count its slot is claimed again: 30, or 16 or 46 at the wrap."""
    left = COUNT_MODULUS - count
    if left > RING_SLOTS:
        return RING_SLOTS
    return _SHIFT if left <= _SHIFT else RING_SLOTS + _SHIFT


def is_safe(count: int, index: int) -> bool:
    """Whether the slot of a claimed count cannot be under the writer's hands at this index.

    The claim that reuses the slot makes the index ``count + reuse_distance + 1``. One further slot
    is given up, because on a weakly ordered CPU the copy's first stores may be seen before the
    claim that precedes them.
    """
    return forward(count, index) < reuse_distance(count)
