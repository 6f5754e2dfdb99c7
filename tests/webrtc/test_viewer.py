"""What a viewer tells by RTCP, and what it is sent for that."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from aiortc.rtp import RtcpPsfbPacket, RtcpRtpfbPacket, RtcpSrPacket

from petstream.errors import UnknownViewerError
from petstream.rtp.ntp import middle
from petstream.webrtc.admission import Admission
from petstream.webrtc.rtp_sender import RtpSender
from petstream.webrtc.viewer import REPEAT_S
from petstream.webrtc.viewers import Viewers
from tests.webrtc.pairs import LOOPBACK, Pair
from tests.webrtc.test_rtp_sender import Fanout


class Watching(Pair):
    """A pair whose server side is a whole Viewer among Viewers, with a stream of its own."""

    def __init__(self, feedback: str = "nack") -> None:
        super().__init__()
        self._feedback = feedback
        self.fanout = Fanout()
        self.fanout.sender = RtpSender(
            asyncio.get_running_loop().call_later,
            on_sent=lambda _: None,
            on_all_sent=lambda _: None,
        )
        self.viewers = Viewers(self.fanout.sender, LOOPBACK, iter(range(1, 100)))
        self.admission = Admission(1)

    async def answer(self, offer: str) -> str:
        """Admit it, as one that offers another kind of feedback."""
        offer += f"a=rtcp-fb:* {self._feedback}\r\n"
        self.viewer, answer = await self.viewers.admit(self.plan(offer), self.admission.take())
        return answer

    async def close_server(self) -> None:
        """As the server does."""
        await self.viewers.close()

    def feedback(self, kind: type[Any], **fields: Any) -> bytes:
        """An RTCP packet about our stream."""
        return bytes(kind(ssrc=1, media_ssrc=self.viewer.source.ssrc, **fields))


@asynccontextmanager
async def watching(feedback: str = "nack") -> AsyncIterator[Watching]:
    """A viewer that has been sent one IDR and two more units."""
    async with Watching(feedback) as pair:
        for idr in (True, False, False):
            pair.fanout.unit(idr=idr)
        await pair.until(lambda: len(pair.rtp) == 9)
        yield pair


def test_a_lost_packet_is_sent_again() -> None:
    """On the retransmission stream, for as many as were asked for, and once more a little later."""

    async def run() -> None:
        async with watching() as pair:
            first = pair.rtp[0].sequence_number
            lost = [first, first + 4]
            await pair.send_rtcp(pair.feedback(RtcpRtpfbPacket, fmt=1, lost=lost))
            await pair.until(lambda: len(pair.rtp) == 13)
            resent = [int.from_bytes(packet.payload[:2], "big") for packet in pair.rtp[9:]]
            assert resent == lost * 2
            assert pair.rtp[9].payload[2:] == pair.rtp[0].payload
            info = pair.viewer.info()
            assert (info.nacks, info.retransmitted, info.packets) == (1, 4, 9)

    asyncio.run(run())


def test_a_viewer_that_knows_the_round_trip_is_answered_once() -> None:
    """It asks again by itself, soon enough."""

    async def run() -> None:
        async with watching("rrtr") as pair:
            lost = [pair.rtp[0].sequence_number]
            await pair.send_rtcp(pair.feedback(RtcpRtpfbPacket, fmt=1, lost=lost))
            await pair.until(lambda: len(pair.rtp) == 10)
            await asyncio.sleep(5 * REPEAT_S)
            assert pair.viewer.info().retransmitted == 1

    asyncio.run(run())


def test_a_viewer_that_asks_for_ever_is_not_answered_for_ever() -> None:
    """Three quarters of what it was sent, and one large request."""

    async def run() -> None:
        async with watching() as pair:
            first = pair.rtp[0].sequence_number
            for _ in range(200):
                pair.viewer.on_nack([first + number for number in range(9)])
            info = pair.viewer.info()
            assert (info.nacks, info.packets, info.retransmitted) == (200, 9, 506)

    asyncio.run(run())


def test_a_lost_picture_is_sent_again_at_a_bounded_rate() -> None:
    """The cached GOP, with times above those before; asked for twice at once, it is sent once."""

    async def run() -> None:
        async with watching() as pair:
            pair.viewer._resynced_at = 0.0
            for _ in range(2):
                await pair.send_rtcp(pair.feedback(RtcpPsfbPacket, fmt=1))
            await pair.until(lambda: len(pair.rtp) == 18)
            await asyncio.sleep(0.1)
            assert len(pair.rtp) == 18
            stamps = [packet.timestamp for packet in pair.rtp if packet.marker]
            rises = [(b - a) % 2**32 for a, b in pairwise(stamps)]
            assert all(0 < rise < 2**31 for rise in rises)
            info = pair.viewer.info()
            assert (info.picture_losses, info.resyncs) == (2, 1)

    asyncio.run(run())


@pytest.mark.parametrize("behind", [0, 3])
def test_the_round_trip_time_is_measured(behind: int) -> None:
    """By what answers one of our last reports (RFC 3550 section 6.4.1), the latest or not."""

    async def run() -> None:
        async with watching() as pair:

            def reports() -> list[RtcpSrPacket]:
                return [packet for packet in pair.rtcp if isinstance(packet, RtcpSrPacket)]

            for _ in range(4):
                pair.viewer.send_report("name")
            await pair.until(lambda: len(reports()) >= 4)
            report = reports()[-1 - behind]
            last = middle(report.sender_info.ntp_timestamp)
            block = struct.pack(">IIIIII", report.ssrc, 0x40000002, 7, 8, last, 0)
            await pair.send_rtcp(struct.pack(">BBHI", 0x81, 201, 7, 1) + block)
            await pair.until(lambda: pair.viewer.info().rtt_ms is not None)
            info = pair.viewer.info()
            assert info.rtt_ms is not None
            assert 0 <= info.rtt_ms < 5000
            assert (info.fraction_lost, info.packets_lost) == (0.25, 2)

    asyncio.run(run())


def test_an_answer_to_no_report_of_ours_measures_nothing() -> None:
    """What was lost is taken all the same."""

    async def run() -> None:
        async with watching() as pair:
            pair.viewer.send_report("name")
            ssrc = pair.rtp[0].ssrc
            block = struct.pack(">IIIIII", ssrc, 0x40000002, 7, 8, 0, 0)
            await pair.send_rtcp(struct.pack(">BBHI", 0x81, 201, 7, 1) + block)
            await pair.until(lambda: pair.viewer.info().packets_lost == 2)
            assert pair.viewer.info().rtt_ms is None

    asyncio.run(run())


def test_a_viewers_clock_is_told_back_to_it_once() -> None:
    """With the next report, by its middle 32 bits and how long ago it came."""

    async def run() -> None:
        async with watching() as pair:
            clock = struct.pack(">BBHIBBHQ", 0x80, 207, 4, 99, 4, 0, 2, 0x0123456789ABCDEF)
            await pair.send_rtcp(clock)
            await pair.until(lambda: pair.viewer._reference)
            pair.viewer.send_report("name")
            pair.viewer.send_report("name")
            await pair.until(lambda: len([p for p in pair.rtcp if isinstance(p, bytes)]) >= 2)
            compounds = [p for p in pair.rtcp if isinstance(p, bytes)]
            found = [
                p for p in compounds if bytes.fromhex("0000006345678 9ab".replace(" ", "")) in p
            ]
            assert len(found) == 1

    asyncio.run(run())


def test_a_goodbye_gives_the_slot_back() -> None:
    """Once; nobody has that name afterwards."""

    async def run() -> None:
        async with watching() as pair:
            assert pair.admission.taken == 1
            await pair.viewers.dismiss(pair.viewer.id)
            assert pair.admission.taken == 0
            with pytest.raises(UnknownViewerError):
                await pair.viewers.dismiss(pair.viewer.id)
            assert pair.viewers.past_sent == 3

    asyncio.run(run())


def test_the_number_shown_is_not_the_name_that_ends_a_session() -> None:
    """Whoever may read figures may not send others away."""

    async def run() -> None:
        async with watching() as pair:
            (info,) = pair.viewers.infos()
            assert info.id == 1
            assert str(info.id) not in (pair.viewer.id, "")
            with pytest.raises(UnknownViewerError):
                await pair.viewers.dismiss(str(info.id))

    asyncio.run(run())
