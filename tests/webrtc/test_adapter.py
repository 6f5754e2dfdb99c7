"""What the adapter takes from inside aiortc, aioice and pylibsrtp, on real connections.

Each test names what changed when a new release of one of them breaks it.
"""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, RtcpSrPacket
from pylibsrtp import Error as SrtpError

from petstream.errors import UnavailableError
from petstream.rtp import stream
from petstream.rtp.extended_reports import ReferenceTime
from petstream.rtp.headers import RtpSource
from petstream.rtp.packets import PacketImage, Packets
from petstream.webrtc.adapter import (
    BATCH_PACKETS_MAX,
    REPLAY_WINDOW,
    PassthroughSender,
    SrtpBuffer,
    sender_report,
)
from petstream.webrtc.adapter.media import SOL_UDP, UDP_SEGMENT
from petstream.webrtc.negotiation import IceSettings, answer_plan, plan_answer
from petstream.webrtc.udp_ports import PortRangeLoop
from tests.peer import make_offer
from tests.webrtc.pairs import AdapterPair, Told

Test = Callable[[AdapterPair], Awaitable[None]]


def connected(test: Test) -> None:
    """Run a test on a connected pair."""

    async def run() -> None:
        async with AdapterPair() as pair:
            await test(pair)

    asyncio.run(run())


def send_unit(
    pair: AdapterPair, size: int = 20_000, buffer: SrtpBuffer | None = None
) -> PacketImage:
    """Send an access unit of ours over the pair's media path, and return it."""
    packets = Packets([memoryview(b"\x65" + b"\xa5" * (size - 1))])
    image = packets.image(pair.stream.headers.size, pair.media.tag_size)
    unit = pair.stream.begin(image, 3000, 0)
    buffer = buffer or SrtpBuffer()
    for run in image.runs:
        span = image.span(run.first, BATCH_PACKETS_MAX)
        assert span.end == run.end
        pair.stream.write(unit, span, buffer.view)
        assert pair.media.send(buffer, span.offsets, span.segment) == run.end - run.first
    return image


async def check_received(pair: AdapterPair, image: PacketImage) -> None:
    """The viewer gets every packet of the unit, whole and in order."""
    count = len(image)
    await pair.until(lambda: len(pair.rtp) >= count)
    assert [packet.payload for packet in pair.rtp] == [
        bytes(image.payload(packet)) for packet in range(count)
    ]


def test_no_packet_leaves_unprotected() -> None:
    """More of them in one call than there is room for are refused; a layout is never mistaken."""

    async def test(pair: AdapterPair) -> None:
        buffer = SrtpBuffer()
        offsets = tuple(range(0, 40 * (BATCH_PACKETS_MAX + 2), 40))
        with pytest.raises(ValueError, match=f"{BATCH_PACKETS_MAX + 1} packets in one call"):
            pair.media.send(buffer, offsets, 40)
        with pytest.raises(ValueError, match="60001 bytes in one call"):
            pair.media.send(buffer, (0, 60_001), 60_001)
        for size in (9_000, 9_000, 3_000, 1_000, 50_000):
            pair.rtp.clear()
            await check_received(pair, send_unit(pair, size, buffer))

    connected(test)


def test_what_srtp_refuses_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what goes with it in one call: here the last packet is older than its window."""

    async def test(pair: AdapterPair) -> None:
        await check_received(pair, send_unit(pair))
        sent: list[memoryview] = []
        monkeypatch.setattr(pair.media, "_send_one", sent.append)
        pair.media.segmentation = False
        buffer = SrtpBuffer()
        image = Packets([memoryview(b"\x65" + bytes(9000))]).image(12, pair.media.tag_size)
        span = image.span(0, len(image))
        pair.stream.write(pair.stream.begin(image, 0, 0), span, buffer.view)
        last = span.offsets[-2]
        sequence = int.from_bytes(buffer.view[last + 2 : last + 4], "big")
        old = sequence - 2 * REPLAY_WINDOW
        buffer.view[last + 2 : last + 4] = old.to_bytes(2, "big")
        with pytest.raises(SrtpError, match="srtp_protect failed with status"):
            pair.media.send(buffer, span.offsets, span.segment)
        assert not sent

    # Of a stream that has not come so far, libsrtp would take the number for one ahead.
    monkeypatch.setattr(stream, "_first_sequence_number", lambda: 4 * REPLAY_WINDOW)
    connected(test)


def test_the_peer_connection_uses_our_sender() -> None:
    """RTCRtpTransceiver keeps it in ``__sender``, and its ``send`` is called when DTLS is up."""

    async def test(pair: AdapterPair) -> None:
        (transceiver,) = pair.ours.connection.getTransceivers()
        assert isinstance(transceiver.sender, PassthroughSender)
        assert f"a=ssrc:{pair.source.ssrc} " in pair.ours.answer
        assert f" {pair.source.rtx_ssrc}\r\n" in pair.ours.answer
        names = {task.get_name() for task in asyncio.all_tasks()}
        coroutines = {str(task.get_coro()) for task in asyncio.all_tasks()}
        assert not [c for c in coroutines if "RTCRtpSender._run" in c], names

    connected(test)


def test_packets_protected_in_place_are_read_by_the_viewer() -> None:
    """``_tx_srtp``, pylibsrtp's ``srtp_protect``, ``_nominated`` and the socket of its protocol."""

    async def test(pair: AdapterPair) -> None:
        await check_received(pair, send_unit(pair))
        assert pair.media.segmentation

    connected(test)


def test_a_kernel_that_refuses_segmentation_offload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then each packet is sent by itself, from the first refusal on, and none is lost."""

    async def test(pair: AdapterPair) -> None:
        calls = []

        class Refusing(socket.socket):
            def sendmsg(self, *arguments: Any) -> int:
                calls.append(arguments[1][0][:2])
                raise OSError(errno.EIO, "no offload")

        pair.media._select()
        own = pair.media._socket
        assert own is not None
        monkeypatch.setattr(pair.media, "_socket", Refusing(fileno=own.detach()))
        await check_received(pair, send_unit(pair))
        assert calls == [(SOL_UDP, UDP_SEGMENT)]
        assert not pair.media.segmentation

    connected(test)


def test_a_pair_through_a_relay_is_sent_to_by_its_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """``local_candidate.type`` and ``protocol.transport.sendto`` of a TURN pair."""

    async def test(pair: AdapterPair) -> None:
        nominated = pair.media._ice._nominated[1]
        monkeypatch.setattr(nominated.protocol.local_candidate, "type", "relay")
        await check_received(pair, send_unit(pair))
        assert pair.media._socket is None

    connected(test)


def test_a_full_socket_says_how_many_packets_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all is a BlockingIOError."""

    async def test(pair: AdapterPair) -> None:
        room = 3

        def send_one(_: memoryview) -> None:
            nonlocal room
            if room == 0:
                raise BlockingIOError
            room -= 1

        monkeypatch.setattr(pair.media, "_send_one", send_one)
        pair.media.segmentation = False
        buffer = SrtpBuffer()
        image = Packets([memoryview(b"\x65" + bytes(9000))]).image(12, pair.media.tag_size)
        span = image.span(0, len(image))
        pair.stream.write(pair.stream.begin(image, 0, 0), span, buffer.view)
        assert pair.media.send(buffer, span.offsets, span.segment) == 3
        with pytest.raises(BlockingIOError):
            pair.media.send(buffer, image.span(0, 2).offsets, span.segment)

    connected(test)


def test_feedback_of_the_viewer_is_told() -> None:
    """Receiver reports, NACK, PLI and FIR come to ``_handle_rtcp_packet``, for our SSRC alone."""

    async def test(pair: AdapterPair) -> None:
        ssrc = pair.source.ssrc
        report = bytes.fromhex("80000003")  # lost: half of them, 3 in all
        block = struct.pack(">I4sIIII", ssrc, report, 7, 8, 9, 65536)
        await pair.send_rtcp(struct.pack(">BBHI", 0x81, 201, 7, 1) + block)
        await pair.send_rtcp(bytes(RtcpRrPacket(ssrc=1, reports=[])))
        await pair.send_rtcp(bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=[5, 9])))
        await pair.send_rtcp(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc)))
        await pair.send_rtcp(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc ^ 1)))
        await pair.until(lambda: pair.told.losses)
        assert pair.told.nacks == [5, 9]
        (received,) = pair.told.reports
        assert (received.fraction_lost, received.packets_lost) == (0.5, 3)
        assert (received.last_sr, received.delay) == (9, 65536)
        await asyncio.sleep(0.05)
        assert pair.told.losses == 1

    connected(test)


def test_extended_reports_are_read_before_aiortc_passes_them_over() -> None:
    """``_handle_rtcp_data`` of the DTLS transport gets every compound packet."""

    async def test(pair: AdapterPair) -> None:
        packet = struct.pack(">BBHIBBHQ", 0x80, 207, 4, 99, 4, 0, 2, 2**63 + 5)
        await pair.send_rtcp(bytes(RtcpRrPacket(ssrc=1, reports=[])) + packet)
        await pair.until(lambda: pair.told.references)
        assert pair.told.references == [ReferenceTime(99, 2**63 + 5)]

    connected(test)


def test_sender_reports_are_read_by_the_viewer() -> None:
    """With the NTP and RTP time of one instant, and the counts; wrapped to 32 bits."""

    async def test(pair: AdapterPair) -> None:
        ssrc = pair.source.ssrc
        report = sender_report(ssrc, "name", ntp=2**63, timestamp=42, packets=2**32 + 1, octets=7)
        pair.media.send_rtcp(report)
        await pair.until(lambda: pair.rtcp)
        (received,) = [packet for packet in pair.rtcp if isinstance(packet, RtcpSrPacket)]
        info = received.sender_info
        assert (info.ntp_timestamp, info.rtp_timestamp) == (2**63, 42)
        assert (info.packet_count, info.octet_count) == (1, 7)

    connected(test)


def test_whatever_comes_in_is_a_sign_of_life() -> None:
    """``data_received`` and ``request_received`` of the ICE connection."""

    async def test(pair: AdapterPair) -> None:
        pair.ours.ice.heard_at = 0.0
        await pair.send_rtcp(bytes(RtcpRrPacket(ssrc=1, reports=[])))
        await pair.until(lambda: pair.ours.ice.heard_at)
        assert time.monotonic() - pair.ours.ice.heard_at < 5

    connected(test)


def test_a_media_path_without_a_nominated_pair_is_an_error() -> None:
    """And not a packet to nowhere."""

    async def test(pair: AdapterPair) -> None:
        pair.media._ice._nominated.clear()
        with pytest.raises(ConnectionError, match="no nominated pair"):
            pair.media.send_rtcp(sender_report(1, "x", ntp=0, timestamp=0, packets=0, octets=0))

    connected(test)


def answer_on(loop: asyncio.AbstractEventLoop, settings: IceSettings) -> tuple[str, Any]:
    """Answer an offer on a loop; the answer and its connection, to be closed."""
    plan = plan_answer(make_offer(), None)
    negotiated = loop.run_until_complete(answer_plan(plan, settings, Told(), RtpSource.random()))
    return negotiated.answer, negotiated.connection


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_candidates_take_their_ports_from_a_range(address: str) -> None:
    """Each viewer has another; when all are taken that is an error, with what to do about it."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        first = probe.getsockname()[1]
    ports = range(first, min(first + 3, 65536))
    loop = PortRangeLoop(ports)
    connections: list[RTCPeerConnection] = []
    try:
        found = []
        settings = IceSettings(addresses=(address,))
        refusal = ""
        while not refusal:
            try:
                answer, connection = answer_on(loop, settings)
            except UnavailableError as error:
                refusal = str(error)
            else:
                connections.append(connection)
                (line,) = [line for line in answer.splitlines() if line.startswith("a=candidate:")]
                found.append(int(line.split()[5]))
        assert refusal.startswith(f"no udp port could be opened on {address}; see -udp-ports")
        assert set(found) <= set(ports)
        assert len(set(found)) == len(found) >= 1
    finally:
        for connection in connections:
            loop.run_until_complete(connection.close())
        loop.close()
