"""One viewer's way out: its IDR gate, its bounded queue, its RTP stream, and its share of a round.

Strategy: units wait here as references to what all viewers share. ``send_turn`` writes a run of
their packets into the common buffer, and has them protected and sent in one call. A full
socket just ends the turn; a queue that grows beyond its bound is cut, and the gate stays shut
until the next IDR, so that the picture is late or skips but never breaks. Whoever uses it holds the
sender's lock.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from petstream.h264.gop import IdrGate
from petstream.rtp.packets import FRAGMENT_MAX, Packets
from petstream.rtp.stream import RtpStream, RtxStream, SentUnit
from petstream.webrtc.adapter import REPLAY_WINDOW, MediaTransport, SrtpBuffer

__all__ = ["BURST_PACKETS", "Outlet", "TimedUnit"]

# A receiving socket has 208 KB by default, and each packet is booked there with twice its size, so
# that it holds some 90. A unit of up to 32 packets, any but an IDR, leaves at once.
BURST_PACKETS: Final = 32
BURST_BYTES: Final = BURST_PACKETS * FRAGMENT_MAX
FULL_PAUSE_NS: Final = 5_000_000  # before a socket that was full is tried again
QUEUE_UNITS_MAX: Final = 30  # a second at 30 fps; a cached GOP may be longer
QUEUE_BYTES_MAX: Final = 4 * 2**20
CATCH_UP_TICKS: Final = 90  # units of a cached GOP are 1 ms apart, and end at the live edge
RESYNC_SPAN_TICKS: Final = 1500  # and all fit into half a frame when the viewer is already live


@dataclass(frozen=True, slots=True)
class TimedUnit:
    """An access unit ready to send: what all viewers share of it.

    Attributes:
        ticks: RTP time on the shared timeline.
        capture_ntp: when it was captured, by the wall clock, 64-bit NTP.
        read_ns: when it was read from shared memory.
        size, is_idr, discontinuity: as in its AccessUnit.
    """

    packets: Packets
    ticks: int
    capture_ntp: int
    read_ns: int
    size: int
    is_idr: bool
    discontinuity: bool


class Outlet:
    """Queues units for one viewer and sends them, some packets at a time.

    Attributes:
        sent, dropped: access units.
        retransmitted: packets.
        socket_full: how often the socket took no more.
        bytes_queued: waiting to be sent.
    """

    def __init__(
        self,
        transport: MediaTransport,
        stream: RtpStream,
        *,
        on_sent: Callable[[float], None],
        on_error: Callable[[OSError], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Make it.

        Args:
            transport: the viewer's media path.
            stream: its RTP stream.
            on_sent: called with each live unit's read-to-sent time in seconds.
            on_error: called when the network refuses packets, which are lost then.
            clock: nanoseconds of CLOCK_MONOTONIC.
        """
        self.transport = transport
        self.stream = stream
        self.sent = 0
        self.dropped = 0
        self.retransmitted = 0
        self.socket_full = 0
        self.bytes_queued = 0
        self._on_sent = on_sent
        self._on_error = on_error
        self._clock = clock
        self._gate = IdrGate()
        self._queue: deque[tuple[TimedUnit, int]] = deque()  # with its RTP ticks for this viewer
        self._current: SentUnit | None = None  # the head of the queue, once its first packet is due
        self._next_packet = 0  # of the head
        self._resume_ns = 0  # the socket was full, and is given time until then
        self._last_ticks: int | None = None
        self._live_from_ns = 0  # units read before this were replayed, and have no latency
        self._replayed_units = 0  # a cached GOP may be longer than the queue's bounds, which are
        self._replayed_bytes = 0  # wider by as much until it is sent

    @property
    def pending(self) -> bool:
        """Something waits to be sent."""
        return bool(self._queue)

    @property
    def queued(self) -> int:
        """Access units that wait, one that is under way included."""
        return len(self._queue)

    @property
    def ticks(self) -> int | None:
        """RTP time of the newest unit queued, on the shared timeline; None before the first."""
        return self._last_ticks

    def start(self, gop: Sequence[TimedUnit]) -> None:
        """Queue a cached GOP, its times compressed so that the last unit keeps its own.

        For a viewer that joins, and for one that lost the picture.
        """
        self._abandon()
        self._gate.close()
        if not gop:
            return
        live = gop[-1].ticks
        step = CATCH_UP_TICKS
        first = live - (len(gop) - 1) * step
        if self._last_ticks is not None and first <= self._last_ticks:
            step = max(1, min(CATCH_UP_TICKS, RESYNC_SPAN_TICKS // len(gop)))
            first = self._last_ticks + step
        self._live_from_ns = self._clock()
        for i, unit in enumerate(gop):
            self._gate.admit(unit)
            self._append(unit, first + i * step)
        self._replayed_units, self._replayed_bytes = len(self._queue), self.bytes_queued

    def offer(self, unit: TimedUnit) -> None:
        """Queue a live unit, or count it as dropped."""
        if not self._gate.admit(unit):
            self.dropped += self.sent > 0
            return
        if self._queue and self._is_full(unit.size):
            self._abandon()
            if not unit.is_idr:
                self._gate.close()
                self.dropped += 1
                return
        last = self._last_ticks
        self._append(unit, unit.ticks if last is None else max(unit.ticks, last + 1))

    def send_turn(self, buffer: SrtpBuffer, packets: int) -> bool:
        """Send up to ``packets``, but a small unit as a whole; less if the socket is full.

        Returns:
            Whether something is left to be sent.
        """
        queue = self._queue
        if self._resume_ns:
            if queue and self._clock() < self._resume_ns:
                return True
            self._resume_ns = 0
        is_lone = len(queue) == 1 and self._current is None
        is_small = is_lone and queue[0][0].size <= BURST_BYTES
        budget = BURST_PACKETS if is_small else packets
        while budget > 0 and queue:
            taken = self._send_run(buffer, budget)
            if taken == 0:
                self.socket_full += 1
                self._resume_ns = self._clock() + FULL_PAUSE_NS
                break
            budget -= taken
        return bool(queue)

    def retransmit(self, buffer: SrtpBuffer, sequence_number: int, rtx: RtxStream | None) -> bool:
        """Send a packet again, on its own stream if that was negotiated.

        Returns:
            False if it is not kept any more, or cannot be sent now.
        """
        found = self.stream.find(sequence_number)
        if found is None:
            return False
        unit, packet = found
        if unit is self._current and packet >= self._next_packet:
            return False  # its turn comes
        if rtx is None and self.stream.age(unit, packet) >= REPLAY_WINDOW:
            return False
        if rtx is None:
            span = unit.image.span(packet, 1)
            self.stream.write(unit, span, buffer.view)
            size = span.offsets[-1]
        else:
            size = rtx.write(unit, packet, buffer.view) + unit.image.tag_size
        try:
            self.transport.send(buffer, (0, size), size)
        except BlockingIOError:
            return False
        except OSError as exc:
            self._on_error(exc)
            return False
        self.retransmitted += 1
        return True

    def _is_full(self, size: int) -> bool:
        return (
            len(self._queue) >= QUEUE_UNITS_MAX + self._replayed_units
            or self.bytes_queued + size > QUEUE_BYTES_MAX + self._replayed_bytes
        )

    def _append(self, unit: TimedUnit, ticks: int) -> None:
        self._queue.append((unit, ticks))
        self.bytes_queued += unit.size
        self._last_ticks = ticks

    def _abandon(self) -> None:
        """Give up what waits, but finish a unit that the viewer has a part of."""
        head = self._queue.popleft() if self._current is not None else None
        self.dropped += len(self._queue)
        self._queue.clear()
        self.bytes_queued = 0
        if head is not None:
            self._queue.append(head)
            self.bytes_queued = head[0].size

    def _send_run(self, buffer: SrtpBuffer, budget: int) -> int:
        """Send what can go in one call; how many packets that was, 0 if the socket is full."""
        timed, ticks = self._queue[0]
        if self._current is None:
            image = timed.packets.image(self.stream.headers.size, self.transport.tag_size)
            self._current = self.stream.begin(image, ticks, timed.capture_ntp)
            self._next_packet = 0
        unit, first = self._current, self._next_packet
        span = unit.image.span(first, budget)
        self.stream.write(unit, span, buffer.view)
        end = span.end
        try:
            end = first + self.transport.send(buffer, span.offsets, span.segment)
        except BlockingIOError:
            return 0
        except OSError as exc:
            self._on_error(exc)
        self.stream.count_sent(unit, first, end)
        self._next_packet = end
        if end == len(unit.image):
            self._finish(timed)
        return end - first

    def _finish(self, timed: TimedUnit) -> None:
        self._queue.popleft()
        self._current = None
        self.bytes_queued -= timed.size
        self.sent += 1
        if not self._queue:
            self._replayed_units = self._replayed_bytes = 0
        if timed.read_ns > self._live_from_ns:
            self._on_sent((self._clock() - timed.read_ns) / 1e9)
