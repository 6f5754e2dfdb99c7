"""The last seconds of the stream, kept in memory for a recording that begins before /start.

Strategy: whole GOPs, oldest first out, so that whatever is taken begins with an IDR; bounded in
time, bytes and access units, whichever is reached first.
"""

from collections import deque
from typing import Final

from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import IdrGate

__all__ = ["PreRoll"]

UNIT_OVERHEAD: Final = 1024  # what an access unit costs in memory beside its bytes, about
CLOCKS_APART_MAX_NS: Final = (
    10_000_000_000  # a capture this much off its reading is on another clock
)


class PreRoll:
    """A ring of GOPs (recorder thread only)."""

    def __init__(self, *, max_ns: int, max_bytes: int) -> None:
        """Make an empty ring.

        Args:
            max_ns: how far back it has to reach; 0 keeps nothing.
            max_bytes: bound of its memory; a single GOP beyond it is let go.
        """
        self._max_ns = max_ns
        self._max_bytes = max_bytes
        self._gate = IdrGate()
        self._gops: deque[list[AccessUnit]] = deque()
        self.bytes = 0  # held now, with the overhead

    def add(self, access_unit: AccessUnit) -> None:
        """Keep the access unit, and let go of GOPs that are too old or too much."""
        if self._max_ns == 0 or not self._gate.admit(access_unit):
            return
        if access_unit.is_idr:
            self._gops.append([])
        self._gops[-1].append(access_unit)
        self.bytes += _cost(access_unit)
        horizon_ns = _captured_ns(access_unit) - self._max_ns
        # The first GOP is spare once the second reaches back far enough.
        while len(self._gops) > 1 and _captured_ns(self._gops[1][0]) <= horizon_ns:
            self._drop_first()
        while self.bytes > self._max_bytes:
            self._drop_first()
        if not self._gops:
            self._gate.close()

    def take_since(self, since_ns: int) -> list[AccessUnit]:
        """Everything from the newest IDR at or before ``since_ns`` on; leaves the ring empty.

        Args:
            since_ns: CLOCK_MONOTONIC. If the ring does not reach back so far, all of it is taken.
        """
        while len(self._gops) > 1 and _captured_ns(self._gops[1][0]) <= since_ns:
            self._drop_first()
        units = [unit for gop in self._gops for unit in gop]
        self._gops.clear()
        self._gate.close()
        self.bytes = 0
        return units

    def _drop_first(self) -> None:
        self.bytes -= sum(_cost(unit) for unit in self._gops.popleft())


def _cost(access_unit: AccessUnit) -> int:
    return access_unit.size + UNIT_OVERHEAD


def _captured_ns(access_unit: AccessUnit) -> int:
    """When it was captured, by our clock: the time it was read if the camera's clock is another."""
    age_ns = access_unit.read_ns - access_unit.capture_ns
    return access_unit.capture_ns if 0 <= age_ns <= CLOCKS_APART_MAX_NS else access_unit.read_ns
