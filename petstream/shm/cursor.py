"""A reader's place in one attached ring: every slot in order, each copied out whole.

Strategy: sample the head, let the gate say which counts are whole, copy them, and after each copy
read the index again: the copy stands only if its slot cannot have been claimed again meanwhile. A
reader that was lapped goes on at the newest random access point that is left.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from petstream.errors import SegmentError, StreamError
from petstream.slot import Slot
from petstream.source import SourceStats

from .counts import is_safe, slot_of
from .frame_header import FrameHeader, parse_header
from .gate import Gate
from .head import read_head, read_index, sample_of
from .layout import FRAME_HEADER_SIZE, FRAME_SIZE, RING_HEADER_SIZE, RING_SLOTS
from .segment import Segment

__all__ = ["RingCursor"]

_BATCH_BYTES: Final = 8 * 2**20  # what one poll may hold back from the threads after it


@dataclass(frozen=True, slots=True)
class _Copy:
    """A slot that was copied out whole: what is in it, or why that is of no use."""

    count: int
    header: FrameHeader | None
    data: bytes
    reason: str


class RingCursor:
    """One attachment to one segment. One thread uses it.

    Attributes:
        sequence: the sequence number of the next count, also for whoever comes after this cursor.
        sample: the newest look at the head; the one before if nothing has changed since.
        ready: how many counts that look found whole.
    """

    def __init__(
        self,
        segment: Segment,
        stats: SourceStats,
        sequence: int,
        is_random_access: Callable[[bytes], bool],
    ) -> None:
        self._segment = segment
        self._stats = stats
        self._is_random_access = is_random_access
        self.sequence = sequence
        self._head = read_head(segment)
        self.sample = sample_of(self._head)
        self._start()

    @property
    def mode(self) -> str:
        """``gate``, ``lag one`` or ``learning``."""
        return self._gate.mode

    @property
    def in_flight(self) -> bool:
        """Whether a copy seems to be under way, so that it pays to look again soon."""
        return self._gate.in_flight

    @property
    def at_rest(self) -> bool:
        """Whether it is certain that no copy is under way."""
        return self._gate.at_rest

    @property
    def has_more(self) -> bool:
        """Whether slots are ready that the last poll did not return."""
        return self._next != self._gate.released

    def poll(self, interval_ns: int) -> list[Slot]:
        """Look once, and return the slots that are ready.

        Raises:
            SegmentError: the segment ended under the reader.
        """
        self.ready = 0
        if self._next == self._gate.released:
            self._observe(interval_ns)
        slots: list[Slot] = []
        try:
            self._collect(slots)
        except SegmentError:
            if not slots:  # else the next poll meets the same error
                raise
        return slots

    def abandon(self) -> None:
        """Count what was claimed and not handed out as lost."""
        lost = self.sample.index - self._next
        self._stats.slots_lost += lost
        self._pass_over(lost)

    def _start(self) -> None:
        """Begin at count 0 if that is still there, else at the newest random access point."""
        self.ready = 0
        self._gate = Gate(self.sample)
        self._discontinuity = True
        self._found: _Copy | None = None
        self._next = 0
        if not is_safe(0, self.sample.index):
            released = self._gate.released
            self._found = self._find_start(released + 1 - RING_SLOTS)
            self._next = released if self._found is None else self._found.count

    def _observe(self, interval_ns: int) -> None:
        head = read_head(self._segment, self._head)
        if head == self._head and self._gate.at_rest:
            return
        self._head = head
        sample = sample_of(head, self.sample.index)
        if sample.index < self.sample.index:
            self.abandon()
            self.sample = sample_of(head)
            self._start()
            return
        self.sample = sample
        release = self._gate.observe(sample, interval_ns)
        if release.torn_until != self._next:
            torn = release.torn_until - self._next
            self._stats.torn += torn
            self._pass_over(torn)
        self.ready = release.ready_until - self._next

    def _collect(self, slots: list[Slot]) -> None:
        size = 0
        while self._next != self._gate.released and size < _BATCH_BYTES:
            copy, self._found = self._found or self._copy(self._next), None
            if copy is None:
                copy = self._catch_up()
            if copy is not None and (slot := self._take(copy)) is not None:
                slots.append(slot)
                size += len(slot.data)

    def _copy(self, count: int) -> _Copy | None:
        """Copy a slot out; None if the writer may have come back to it before that was done."""
        offset = RING_HEADER_SIZE + slot_of(count) * FRAME_SIZE
        header: FrameHeader | None = None
        data, reason = b"", ""
        try:
            header = parse_header(self._segment.pread(FRAME_HEADER_SIZE, offset))
        except StreamError as error:
            reason = error.reason
        else:
            data = self._segment.pread(header.data_size, offset + FRAME_HEADER_SIZE)
        if not is_safe(count, read_index(self._segment, count)):
            return None
        return _Copy(count, header, data, reason)

    def _take(self, copy: _Copy) -> Slot | None:
        """Move past a copy and make it a Slot; None if it was rejected."""
        if copy.header is None:
            self._stats.rejected[copy.reason] += 1
            self._pass_over(1)
            return None
        slot = Slot(
            sequence=self.sequence,
            frame_number=copy.header.frame_number,
            capture_ns=copy.header.capture_ns,
            read_ns=time.monotonic_ns(),
            camera_id=copy.header.camera_id,
            width=copy.header.width,
            height=copy.header.height,
            data=copy.data,
            discontinuity=self._discontinuity,
        )
        self._stats.slots_read += 1
        self._pass_over(1)
        self._discontinuity = False
        return slot

    def _pass_over(self, counts: int) -> None:
        """Move past counts; whoever hands the last of them out says that nothing is missing."""
        if counts:
            self._next += counts
            self.sequence += counts
            self._discontinuity = True

    def _catch_up(self) -> _Copy | None:
        """The next slot has been overwritten: skip to where decoding can start again."""
        found = self._find_start(self._next)
        lost = (self._gate.released if found is None else found.count) - self._next
        self._stats.slots_lost += lost
        self._pass_over(lost)
        return found

    def _find_start(self, oldest: int) -> _Copy | None:
        """Copy out the newest released random access point, else the newest released slot."""
        newest: _Copy | None = None
        count = self._gate.released
        while count != oldest:
            count -= 1
            copy = self._copy(count)
            if copy is None:
                break
            if copy.header is not None and self._is_random_access(copy.data):
                return copy
            newest = newest or copy
        return newest
