"""What an access unit costs, counted in work and not in seconds, so that no machine is too slow.

Real sender, outlets, media transports and SRTP; only the sockets and the clock of the rounds are
stand-ins, which count.
"""

import socket
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from pylibsrtp import Policy, Session

from petstream.rtp.headers import RtpHeaders, RtpSource
from petstream.rtp.packets import PacketImage, Packets, Span
from petstream.rtp.stream import RtpStream
from petstream.webrtc import rtp_sender
from petstream.webrtc.adapter import MediaTransport
from petstream.webrtc.adapter.media import SOL_UDP, UDP_SEGMENT
from petstream.webrtc.outlet import Outlet
from petstream.webrtc.rtp_sender import PACKETS_A_MS
from tests.webrtc.test_rtp_sender import MS, Fanout, fanout

__all__ = ["fanout"]  # the fixture

VIEWERS = 10
P_BYTES = 28_700  # of 8 Mbps at 30 access units a second
IDR_BYTES = 172_000
PAYLOAD_LEAST = 1100  # bytes in a packet of a large unit, on average
PACKET_OVERHEAD = 64  # header, extensions, FU-A, tag
P_PACKETS = P_BYTES / PAYLOAD_LEAST


@dataclass
class CountingSocket:
    """Takes everything.

    Attributes:
        calls: packets of each sendmsg or sendto.
        bytes: of all of them.
        sends: calls of sendto, which takes one packet.
    """

    calls: list[int] = field(default_factory=list)
    bytes: int = 0
    sends: int = 0

    def dup(self) -> "CountingSocket":
        """See socket.socket."""
        return self

    def sendmsg(self, buffers: Sequence[memoryview], ancillary: Any, *_: object) -> None:
        """See socket.socket; equal segments as UDP_SEGMENT says."""
        ((level, kind, data),) = ancillary
        assert (level, kind) == (SOL_UDP, UDP_SEGMENT)
        size = sum(map(len, buffers))
        self.calls.append(-(-size // int.from_bytes(data, "little")))
        self.bytes += size

    def sendto(self, data: memoryview, *_: object) -> None:
        """See socket.socket."""
        self.sends += 1
        self.calls.append(1)
        self.bytes += len(data)

    def setsockopt(self, *_: object) -> None:
        """See socket.socket."""

    def close(self) -> None:
        """See socket.socket."""


class CountingBuffer(bytearray):
    """A buffer that counts what is copied into it.

    Attributes:
        copied: bytes.
    """

    copied = 0

    def __setitem__(self, key: Any, value: Any) -> None:
        self.copied += 1 if isinstance(value, int) else len(value)
        super().__setitem__(key, value)


def _media_transport(counting: CountingSocket) -> MediaTransport:
    """A media path with real SRTP, as if DTLS and ICE had made it."""
    transport = SimpleNamespace(get_extra_info=lambda _: counting)
    pair = SimpleNamespace(
        remote_addr=("127.0.0.1", 9),
        local_candidate=SimpleNamespace(type="host"),
        protocol=SimpleNamespace(transport=transport),
    )
    policy = Policy(
        key=bytes(28),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    )
    dtls: Any = SimpleNamespace(
        _tx_srtp=Session(policy),
        _ssl=SimpleNamespace(get_selected_srtp_profile=lambda: b"SRTP_AEAD_AES_128_GCM"),
        transport=SimpleNamespace(_connection=SimpleNamespace(_nominated={1: pair})),
    )
    no_loop: Any = None  # only a relay needs one
    return MediaTransport(dtls, no_loop)


class Clock:
    """Stands still, but for the rounds' pauses."""

    def __init__(self) -> None:
        self.now_ns = time.monotonic_ns()

    def monotonic_ns(self) -> int:
        """See time."""
        return self.now_ns

    time_ns = staticmethod(time.time_ns)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The sender's clock."""
    clock = Clock()
    monkeypatch.setattr(rtp_sender, "time", clock)
    return clock


class Viewers(Fanout):
    """A stream and its viewers, counted.

    Attributes:
        sockets: one for each viewer.
    """

    def __init__(self, count: int, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.sockets = [CountingSocket() for _ in range(count)]
        source = RtpSource.random()
        for counting in self.sockets:
            outlet = Outlet(
                _media_transport(counting),
                RtpStream(source.headers(96, {})),
                on_sent=lambda _: None,
                on_error=self.sender.on_error,
            )
            self.sender.add(outlet, self._on_dead)

    def send(self, *, idr: bool) -> list[CountingSocket]:
        """Send a unit to the end; what that cost each viewer."""
        for counting in self.sockets:
            counting.__init__()  # type: ignore[misc]
        self.unit(idr=idr, size=IDR_BYTES if idr else P_BYTES)
        while self.loop.due:
            self._clock.now_ns += MS
            self.loop.due.pop(0)()
        return self.sockets

    @staticmethod
    def _on_dead(error: Exception) -> None:
        raise AssertionError from error


@pytest.mark.parametrize("count", [0, 1, VIEWERS])
def test_one_packetization(count: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each access unit, whatever the number of viewers; none if nobody watches."""
    laid_out = []
    lay_out = Packets._lay_out

    def counted(packets: Packets, header_size: int, tag_size: int) -> PacketImage:
        laid_out.append(packets)
        return lay_out(packets, header_size, tag_size)

    monkeypatch.setattr(Packets, "_lay_out", counted)
    viewers = Viewers(count, clock)
    for number in range(6):
        viewers.send(idr=number == 0)
    assert len(laid_out) == (6 if count else 0)
    assert len(set(map(id, laid_out))) == len(laid_out)


def test_packets_get_their_header_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers take a copy of the same ones, as long as they are sent the same."""
    taken: list[bytearray] = []
    packets = RtpHeaders.packets

    def counted(headers: RtpHeaders, header: bytes, span: Span) -> bytearray:
        taken.append(packets(headers, header, span))
        return taken[-1]

    monkeypatch.setattr(RtpHeaders, "packets", counted)
    viewers = Viewers(VIEWERS, clock)
    for idr in (True, False, False):
        taken.clear()
        calls = viewers.send(idr=idr)[0].calls
        assert len(taken) == VIEWERS * len(calls)
        assert len(set(map(id, taken))) == len(calls)


def test_a_p_picture_is_one_call_for_each_viewer(clock: Clock) -> None:
    """All of its packets in one sendmsg, none in calls of their own."""
    viewers = Viewers(VIEWERS, clock)
    viewers.send(idr=True)
    for counting in viewers.send(idr=False):
        assert len(counting.calls) == 1
        assert counting.calls[0] <= P_PACKETS
        assert counting.sends == 0


def test_an_idr_is_as_many_calls_as_its_pace_asks_for(clock: Clock) -> None:
    """PACKETS_A_MS in each but the last."""
    for counting in Viewers(VIEWERS, clock).send(idr=True):
        packets = sum(counting.calls)
        assert packets <= IDR_BYTES / PAYLOAD_LEAST
        assert len(counting.calls) <= packets / PACKETS_A_MS + 1
        assert counting.sends <= 1


def test_each_byte_is_copied_into_the_buffer_once_for_each_viewer(fanout: Fanout) -> None:
    """From the pieces that all viewers share; from there the kernel takes it."""
    viewings = [fanout.viewing() for _ in range(VIEWERS)]
    fanout.unit(idr=True)
    fanout.loop.run()
    before = [viewing.transport.copied for viewing in viewings]
    buffer: Any = CountingBuffer(fanout.sender.buffer.view)
    fanout.sender.buffer.view = buffer
    fanout.unit(size=P_BYTES)
    sent = [v.transport.copied - was for v, was in zip(viewings, before, strict=True)]
    assert max(sent) <= P_BYTES + P_PACKETS * PACKET_OVERHEAD
    assert buffer.copied <= sum(sent) + VIEWERS * P_PACKETS * PACKET_OVERHEAD


def test_viewers_take_no_memory_of_their_own_for_a_unit(clock: Clock) -> None:
    """Sending to ten holds hardly more at a time than sending to one."""

    def peak(count: int) -> int:
        viewers = Viewers(count, clock)
        viewers.send(idr=True)
        viewers.send(idr=False)
        tracemalloc.start()
        viewers.send(idr=False)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(VIEWERS) - peak(1) < P_BYTES


def test_a_real_socket_takes_what_the_counting_one_does() -> None:
    """sendmsg with UDP_SEGMENT: as many datagrams arrive as packets were counted."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        counting = CountingSocket()
        data = memoryview(bytes(10 * 1200 + 700))
        ancillary = [(SOL_UDP, UDP_SEGMENT, (1200).to_bytes(2, "little"))]
        sender.sendmsg([data], ancillary, 0, receiver.getsockname())
        counting.sendmsg([data], ancillary)
        sizes = [len(receiver.recv(2048)) for _ in range(counting.calls[0])]
    assert sizes == [1200] * 10 + [700]
