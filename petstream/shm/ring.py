"""The reader of the stream's ring, from "there is no daemon yet" to slots in order.

Strategy: a loop of attach, look, copy and sleep that nothing about the segment can break. Where it
is in the ring is the cursor's business, when to look again the cadence's; this module attaches,
notices that the segment was replaced or cut, lets go and tries again. It opens read-only, never
posts, waits or writes.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from petstream.errors import SegmentError
from petstream.slot import Slot
from petstream.source import Source

from .cadence import Cadence
from .cursor import RingCursor
from .layout import RING_SIZE
from .segment import Segment, check_segment_name

__all__ = ["RingReader"]

_MS: Final = 1_000_000
_RETRY_NS: Final = 100 * _MS  # half a second is the limit from a new segment to its first IDR
_SIZE_CHECK_NS: Final = 100 * _MS
_NAME_CHECK_NS: Final = 500 * _MS  # a hard link can keep the link count up when the name moves
_SPARED_MAX: Final = 4  # of 30 slots: a reader that is starved of CPU needs the others
_UNLINKED_NS: Final = 1_000 * _MS  # silence after which a segment without a name is given up


def _anything(_data: bytes) -> bool:
    return True


class RingReader(Source):
    """Reads every slot of a ring in order, and stays with it through whatever happens to it.

    One thread calls ``read`` and ``close``; any thread may look at the attributes.

    Attributes:
        name: the segment, such as ``/pet_camera_stream``.
        last_claim_ns: when the daemon was last seen to claim a slot, CLOCK_MONOTONIC; 0 for never.
    """

    def __init__(self, name: str, *, is_random_access: Callable[[bytes], bool] = _anything) -> None:
        """Make a reader; the segment need not exist.

        Args:
            name: the segment.
            is_random_access: whether decoding can start at this access unit; asked when the
                reader attaches to a running ring or was lapped.

        Raises:
            ConfigError: the name is no segment name.
        """
        check_segment_name(name)
        super().__init__()
        self.name = name
        self.last_claim_ns = 0
        self._is_random_access = is_random_access
        self._segment: Segment | None = None
        self._cursor: RingCursor | None = None
        self._sequence = 0
        self._closed = False
        now_ns = time.monotonic_ns()
        self._cadence = Cadence(now_ns)
        self._looked_ns = self._due_ns = now_ns  # the last look, and the next
        self._retry_ns = self._size_check_ns = self._name_check_ns = 0

    @property
    def attached(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    @property
    def mode(self) -> str:
        """How slots are told whole from torn: ``gate``, ``lag one`` or ``learning``."""
        cursor = self._cursor
        return "learning" if cursor is None else cursor.mode

    def read(self, timeout_s: float) -> list[Slot]:
        """Wait for slots.

        Returns:
            The slots that are ready, in order; none if the time is up, whatever the reason.
        """
        now_ns = time.monotonic_ns()
        deadline_ns = now_ns + int(timeout_s * 1e9)
        while not self._closed:
            # Not before the time that the last look set, unless there is no time left.
            due_ns = min(self._due_ns, deadline_ns)
            if now_ns < due_ns:
                time.sleep((due_ns - now_ns) / 1e9)
                now_ns = time.monotonic_ns()
            slots = self._look(now_ns)
            now_ns = time.monotonic_ns()
            self._due_ns = now_ns + self._wait_ns(now_ns)
            if slots:
                return slots
            if now_ns >= deadline_ns:
                break
        return []

    def close(self) -> None:
        """Let go of the segment for good; more than once does no harm."""
        self._closed = True
        self._detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _look(self, now_ns: int) -> list[Slot]:
        """Attach if need be and take what is ready; obstacles end up in ``fault``."""
        slots: list[Slot] = []
        if self._cursor is None and now_ns < self._retry_ns:
            return slots
        try:
            slots = self._poll(self._cursor or self._attach(now_ns), now_ns)
            if now_ns >= self._size_check_ns:
                self._check_segment(now_ns)
        except SegmentError as error:
            if self._segment is not None:
                self.stats.read_errors += error.reason != "replaced"
            self._detach()
            self.fault = error
            self._retry_ns = now_ns if error.reason == "replaced" else now_ns + _RETRY_NS
        return slots

    def _poll(self, cursor: RingCursor, now_ns: int) -> list[Slot]:
        unwatched_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        index = cursor.sample.index
        slots = cursor.poll(self._cadence.interval_ns)
        sample = cursor.sample
        if sample.index != index:
            self.last_claim_ns = sample.now_ns
        if cursor.ready:
            self._cadence.arrived(sample.now_ns, cursor.ready, unwatched_ns)
            if self.patience_s:
                self._cadence.pass_over(self._periods_to_spare())
        elif sample.index != index:
            self._cadence.claimed(sample.now_ns)
        if sample.interval_ms != self.frame_interval_ms:
            self.frame_interval_ms = sample.interval_ms
            self._cadence.hint(sample.interval_ms)
        return slots

    def _periods_to_spare(self) -> int:
        """How many access units may be left for later; only the gate tells whole ones for sure."""
        if self.mode != "gate":
            return 0
        periods = int(self.patience_s * 1e9) // self._cadence.interval_ns - 1
        return min(max(0, periods), _SPARED_MAX)

    def _wait_ns(self, now_ns: int) -> int:
        cursor = self._cursor
        if cursor is None:
            return max(0, self._retry_ns - now_ns)
        if cursor.has_more:
            return 0
        is_busy = not cursor.at_rest
        wait_ns = self._cadence.wait_ns(
            now_ns,
            in_flight=is_busy and cursor.in_flight,
            eager=is_busy and cursor.mode == "learning",
        )
        # However slow the camera seems: the segment may have been replaced meanwhile. A look that
        # is due soon after the check serves for both.
        return min(wait_ns, max(0, self._size_check_ns + _SIZE_CHECK_NS - now_ns))

    def _attach(self, now_ns: int) -> RingCursor:
        segment = Segment(self.name, RING_SIZE)
        try:
            cursor = RingCursor(segment, self.stats, self._sequence, self._is_random_access)
        except SegmentError:
            segment.close()
            raise
        self._segment, self._cursor, self.fault = segment, cursor, None
        self._cadence.claimed(now_ns)
        self._size_check_ns = now_ns + _SIZE_CHECK_NS
        self._name_check_ns = now_ns + _NAME_CHECK_NS
        self.stats.attaches += 1
        return cursor

    def _detach(self) -> None:
        if self._cursor is not None:
            self._cursor.abandon()
            self._sequence = self._cursor.sequence
        if self._segment is not None:
            self._segment.close()
        self._cursor = self._segment = None

    def _check_segment(self, now_ns: int) -> None:
        """Every now and then: is it still whole, and still the one its name leads to?"""
        segment = self._segment
        if segment is None:
            return
        self._size_check_ns = now_ns + _SIZE_CHECK_NS
        if not segment.is_unlinked() and now_ns < self._name_check_ns:
            return
        self._name_check_ns = now_ns + _NAME_CHECK_NS
        if not segment.check_identity() and now_ns - self.last_claim_ns > _UNLINKED_NS:
            raise SegmentError(
                "missing", f"segment {self.name} was unlinked: start the camera daemon"
            )
