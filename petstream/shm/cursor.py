"""A reader's place in one attached ring: every slot in order, each copied out whole.

Strategy: sample the head, let the gate say which counts are whole, copy them, and after each copy
read the index again: the copy stands only if its slot cannot have been claimed again meanwhile. A
reader that was lapped goes on at the newest random access point that is left. What happens for
every slot is in few functions, for after a rest each takes microseconds of cold memory.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from petstream.errors import SegmentError, StreamError
from petstream.slot import Slot
from petstream.source import SourceStats

from .counts import is_safe, slot_of
from .frame_header import FrameHeader, parse_header
from .gate import Gate
from .head import HEAD_OFFSET, HEAD_SIZE, read_head, read_index, sample_of
from .layout import FRAME_HEADER_SIZE, FRAME_SIZE, RING_HEADER_SIZE, RING_SLOTS
from .segment import Segment

__all__ = ["RingCursor"]

_BATCH_BYTES: Final = 8 * 2**20  # what one poll may hold back from the threads after it


class _Copy(NamedTuple):
    """A slot that was copied out whole: what is in it, or why that is of no use."""

    at: int
    header: FrameHeader | None
    data: bytes
    reason: str


class RingCursor:
    """One attachment to one segment. One thread uses it.

    Attributes:
        sequence: the sequence number of the next count, also for whoever comes after this cursor.
        sample: the newest look at the head; the one before if nothing has changed since.
        ready: how many counts that look found whole.
        has_more: slots are ready that the last poll did not return.
        at_rest: it is certain that no copy is under way.
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
        self._next: int  # the count to be copied next
        self._gate: Gate
        self._start()

    @property
    def mode(self) -> str:
        """``gate``, ``lag one`` or ``learning``."""
        return self._gate.mode

    @property
    def in_flight(self) -> bool:
        """Whether a copy seems to be under way, so that it pays to look again soon."""
        return self._gate.in_flight

    def poll(self, interval_ns: int) -> list[Slot]:
        """Look once, and return the slots that are ready.

        Raises:
            SegmentError: the segment ended under the reader.
        """
        self.ready = 0
        slots: list[Slot] = []
        if self._next == self._gate.released:
            head = self._segment.pread(HEAD_SIZE, HEAD_OFFSET)
            if head == self._head and self.at_rest:
                return slots
            self._observe(head, interval_ns)
            if self._next == self._gate.released:
                return slots
        try:
            self._collect(slots)
        except SegmentError:
            if not slots:  # else the next poll meets the same error
                raise
        self.has_more = self._next != self._gate.released
        return slots

    def abandon(self) -> None:
        """Count what was claimed and not handed out as lost."""
        lost = self.sample.index - self._next
        self._stats.slots_lost += lost
        self._pass_over(lost)

    def _start(self) -> None:
        """Begin at count 0 if that is still there, else at the newest random access point."""
        self.ready = 0
        self.has_more = self.at_rest = False
        self._gate = Gate(self.sample)
        self._discontinuity = True
        self._found: _Copy | None = None
        self._next = 0
        if not is_safe(0, self.sample.index):
            released = self._gate.released
            self._found = self._find_start(released + 1 - RING_SLOTS)
            self._next = released if self._found is None else self._found.at

    def _observe(self, head: bytes, interval_ns: int) -> None:
        sample = sample_of(head, self.sample.index)
        rose = sample.index > self.sample.index
        is_enough = self.at_rest and rose and sample.difference == self.sample.difference
        if head != self._head and not is_enough:
            head = read_head(self._segment, head)
            sample = sample_of(head, self.sample.index)
        self._head = head
        if sample.index < self.sample.index:
            self.abandon()
            self.sample = sample_of(head)
            self._start()
            return
        self.sample = sample
        release = self._gate.observe(sample, interval_ns)
        self.at_rest = self._gate.at_rest
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
            if copy is None:
                continue
            _, header, data, reason = copy
            if header is None:
                self._stats.rejected[reason] += 1
                self._pass_over(1)
                continue
            number, capture_ns, camera_id, width, height, _ = header
            slots.append(
                Slot(
                    sequence=self.sequence,
                    frame_number=number,
                    capture_ns=capture_ns,
                    read_ns=time.monotonic_ns(),
                    camera_id=camera_id,
                    width=width,
                    height=height,
                    data=data,
                    discontinuity=self._discontinuity,
                )
            )
            size += len(data)
            self._stats.slots_read += 1
            self._next += 1
            self.sequence += 1
            self._discontinuity = False

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

    def _pass_over(self, counts: int) -> None:
        """Move past counts; whoever hands the last of them out says that nothing is missing."""
        if counts:
            self._next += counts
            self.sequence += counts
            self._discontinuity = True

    def _catch_up(self) -> _Copy | None:
        """The next slot has been overwritten: skip to where decoding can start again."""
        found = self._find_start(self._next)
        lost = (self._gate.released if found is None else found.at) - self._next
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
