"""Two peer connections in one event loop: the server's, and an aiortc viewer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Self

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtcpPacket, RtpPacket

from petstream.rtp.extended_reports import ReferenceTime
from petstream.rtp.headers import RtpSource
from petstream.rtp.stream import RtpStream
from petstream.webrtc.adapter import MediaTransport, ReceptionReport
from petstream.webrtc.negotiation import IceSettings, Negotiated, Plan, answer_plan, plan_answer

LOOPBACK = IceSettings(addresses=("127.0.0.1",))


class Told:
    """A viewer as the adapter knows it: keeps what it is told."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.reports: list[ReceptionReport] = []
        self.references: list[ReferenceTime] = []
        self.nacks: list[int] = []
        self.losses = 0

    def on_start(self) -> None:
        """See Feedback."""
        self.started.set()

    def on_report(self, report: ReceptionReport) -> None:
        """See Feedback."""
        self.reports.append(report)

    def on_reference_time(self, reference: ReferenceTime) -> None:
        """See Feedback."""
        self.references.append(reference)

    def on_nack(self, sequence_numbers: Sequence[int]) -> None:
        """See Feedback."""
        self.nacks += sequence_numbers

    def on_picture_loss(self) -> None:
        """See Feedback."""
        self.losses += 1


class Pair:
    """A viewer, and whatever answers its offer: negotiated on entry, closed on exit.

    Attributes:
        rtp: packets that the viewer got, decrypted.
        rtcp: compound packets, likewise, each followed by what is in it.
    """

    def __init__(self) -> None:
        self.rtp: list[RtpPacket] = []
        self.rtcp: list[Any] = []
        self._viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.receiver = self._viewer.addTransceiver("video", direction="recvonly").receiver

    async def __aenter__(self) -> Self:
        _on_loopback(self.receiver.transport)
        await self._viewer.setLocalDescription(await self._viewer.createOffer())
        dtls: Any = self.receiver.transport
        handle = dtls._handle_rtcp_data

        async def on_rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            del arrival_time_ms
            self.rtp.append(packet)

        async def on_rtcp(data: bytes) -> None:
            self.rtcp += [data, *RtcpPacket.parse(data)]
            await handle(data)

        vars(self.receiver).update(_handle_rtp_packet=on_rtp)
        vars(dtls).update(_handle_rtcp_data=on_rtcp)
        answer = await self.answer(self._viewer.localDescription.sdp)
        await self._viewer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_server()
        await self._viewer.close()

    @staticmethod
    def plan(offer: str) -> Plan:
        """For a stream of constrained baseline."""
        return plan_answer(offer, "42e01f")

    async def answer(self, offer: str) -> str:
        """Answer as the server does."""
        raise NotImplementedError

    async def close_server(self) -> None:
        """Close the server's side."""
        raise NotImplementedError

    async def send_rtcp(self, packet: bytes) -> None:
        """From the viewer to us."""
        dtls: Any = self.receiver.transport
        await dtls._send_rtp(packet)

    async def until(self, reached: Callable[[], object]) -> None:
        """Wait for something that comes true with a packet."""
        async with asyncio.timeout(20):
            while not reached():
                await asyncio.sleep(0.005)


class AdapterPair(Pair):
    """A pair whose server side is the adapter alone.

    Attributes:
        told: what came from the viewer.
        source: what the viewer is sent.
        ours: the negotiated connection.
        media: its media path.
        stream: an RTP stream with its SSRC and payload type.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told = Told()
        self.source = RtpSource.random()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await asyncio.wait_for(self.told.started.wait(), 10)
        self.media: MediaTransport = self.ours.ice.media_transport()
        headers = self.source.headers(self.ours.plan.chosen.payload_type, {})
        self.stream = RtpStream(headers)
        return self

    async def answer(self, offer: str) -> str:
        """See Pair."""
        self.ours: Negotiated = await answer_plan(
            self.plan(offer), LOOPBACK, self.told, self.source
        )
        return self.ours.answer

    async def close_server(self) -> None:
        """See Pair."""
        self.media.close()
        await self.ours.connection.close()


def _on_loopback(dtls: Any) -> None:
    ice = dtls.transport._connection
    gather = ice.get_component_candidates

    async def on_loopback(*, component: int, addresses: list[str]) -> Any:
        del addresses
        return await gather(component, ["127.0.0.1"])

    vars(ice).update(get_component_candidates=on_loopback)
