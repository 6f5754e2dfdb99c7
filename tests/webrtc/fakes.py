"""Stand-ins for the network and for the stream, where a test needs to decide what they do."""

import itertools
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from aiortc.rtp import RtpPacket

from petstream.rtp.extensions import HeaderExtensions
from petstream.rtp.headers import RtpHeaders
from petstream.rtp.packets import Packets
from petstream.rtp.stream import RtpStream
from petstream.webrtc.adapter import SrtpBuffer
from petstream.webrtc.outlet import Outlet, TimedUnit

MS = 1_000_000
TURN_PACKETS = 16


class FakeTransport:
    """Keeps packets as they are before encryption.

    Attributes:
        packets: sent so far.
        calls: how many packets each call sent.
        copied: bytes handed over.
        room: packets that the socket still takes; None for any number.
        failure: raised instead of sending, if set.
    """

    tag_size = 16

    def __init__(self) -> None:
        self.packets: list[RtpPacket] = []
        self.calls: list[int] = []
        self.copied = 0
        self.room: int | None = None
        self.failure: Exception | None = None

    def send(self, buffer: SrtpBuffer, offsets: Sequence[int], segment: int) -> int:
        """See MediaTransport."""
        if self.failure is not None:
            raise self.failure
        count = len(offsets) - 1
        if self.room is not None:
            count = min(count, self.room)
            self.room -= count
        if count == 0:
            raise BlockingIOError
        assert {b - a for a, b in pairwise(offsets[:-1])} <= {segment}
        for start, end in pairwise(offsets[: count + 1]):
            self.packets.append(RtpPacket.parse(bytes(buffer.view[start : end - self.tag_size])))
        self.calls.append(count)
        self.copied += offsets[count]
        return count

    def units(self) -> list[tuple[int, bool]]:
        """Number of each access unit that was sent whole, and whether it is an IDR, in order."""
        found = []
        fresh = True  # the next packet begins a unit
        for packet in self.packets:
            if fresh:
                payload = packet.payload
                fragmented = payload[0] & 0x1F == 28
                kind = payload[1] if fragmented else payload[0]
                start = 2 if fragmented else 1
                number = int.from_bytes(payload[start : start + 4], "big")
            fresh = bool(packet.marker)
            if fresh:
                found.append((number, kind & 0x1F == 5))
        return found

    def timestamps(self) -> list[int]:
        """Those of the access units whose last packet was sent, in order."""
        return [packet.timestamp for packet in self.packets if packet.marker]


def timed(number: int, *, idr: bool = False, size: int = 3000, lost: bool = False) -> TimedUnit:
    """The ``number``-th unit of a stream with 30 a second, in three packets, its number in it."""
    head = (b"\x65" if idr else b"\x41") + number.to_bytes(4, "big")
    return TimedUnit(
        packets=Packets([memoryview(head.ljust(size, b"\xa5"))]),
        ticks=3000 * number,
        capture_ntp=number,
        read_ns=2**62,  # of the future, so that it counts as live
        size=size,
        is_idr=idr,
        discontinuity=lost,
    )


def gop(length: int, first: int = 0, **shape: Any) -> list[TimedUnit]:
    """An IDR and what follows it."""
    return [timed(first + i, idr=i == 0, **shape) for i in range(length)]


class Viewing:
    """An outlet on a fake transport.

    Attributes:
        sent_s: what it told of the time each unit took.
        errors: what the network refused.
    """

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.sent_s: list[float] = []
        self.errors: list[OSError] = []
        self.outlet = Outlet(
            cast(Any, self.transport),
            RtpStream(RtpHeaders(1, 96, 0, HeaderExtensions({}))),
            on_sent=self.sent_s.append,
            on_error=self.errors.append,
            clock=itertools.count(1, 10 * MS).__next__,
        )
        self._buffer = SrtpBuffer()

    def flush(self) -> None:
        """Send all that waits, as far as the socket takes it."""
        before = -1
        while self.outlet.pending and before != len(self.transport.packets):
            before = len(self.transport.packets)
            self.outlet.send_turn(self._buffer, TURN_PACKETS)

    def retransmit(self, packet: RtpPacket) -> bool:
        """Ask for a packet again, on the stream itself."""
        return self.outlet.retransmit(self._buffer, packet.sequence_number, None)
