"""What takes the place of aiortc's sender: it negotiates and listens, and sends nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiortc import RTCRtpSender, RTCRtpTransceiver
from aiortc.rtcrtpparameters import RTCRtpSendParameters
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from petstream.rtp.extended_reports import ReferenceTime, reference_times

__all__ = ["Feedback", "PassthroughSender", "ReceptionReport", "sender_report"]


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """What a viewer reports about our stream (RFC 3550 section 6.4.1).

    Attributes:
        fraction_lost: of the packets since its last report, 0 to 1.
        packets_lost: in all.
        last_sr: middle 32 bits of the NTP time of the sender report it last saw; 0 for none.
        delay: since it saw that, in units of 1/65,536 s.
    """

    fraction_lost: float
    packets_lost: int
    last_sr: int
    delay: int


class Feedback(Protocol):
    """Who is told what a viewer's RTCP says (event-loop thread)."""

    def on_start(self) -> None:
        """DTLS is up: media may flow."""

    def on_report(self, report: ReceptionReport) -> None:
        """A receiver report about our stream."""

    def on_reference_time(self, reference: ReferenceTime) -> None:
        """The viewer's clock, to be told back with our next report."""

    def on_nack(self, sequence_numbers: Sequence[int]) -> None:
        """Packets the viewer did not get."""

    def on_picture_loss(self) -> None:
        """PLI or FIR: the viewer cannot decode any more."""


class PassthroughSender(RTCRtpSender):
    """Takes the place of aiortc's sender: negotiates as it does, but starts no tasks."""

    def __init__(
        self, transceiver: RTCRtpTransceiver, feedback: Feedback, *, ssrc: int, rtx_ssrc: int
    ) -> None:
        """Make it, and put it into ``transceiver`` before the answer is created.

        Args:
            feedback: is told what the viewer says.
            ssrc, rtx_ssrc: what the answer says of the stream and of its retransmissions.
        """
        super().__init__("video", transceiver.sender.transport)
        if not hasattr(self, "_ssrc") or not hasattr(self, "_rtx_ssrc"):
            raise AttributeError("RTCRtpSender no longer keeps its SSRCs in _ssrc and _rtx_ssrc")
        self._ssrc, self._rtx_ssrc = ssrc, rtx_ssrc
        self._feedback = feedback
        self._registered = False
        self._stream_id = transceiver.sender._stream_id
        self._read_extended_reports()
        if not hasattr(transceiver, "_RTCRtpTransceiver__sender"):
            raise AttributeError("RTCRtpTransceiver no longer keeps its sender in __sender")
        transceiver._RTCRtpTransceiver__sender = self
        transceiver.receiver._set_rtcp_ssrc(self._ssrc)

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Called by RTCPeerConnection once DTLS is up, perhaps more than once."""
        if not self._registered:
            self._registered = True
            self.transport._register_rtp_sender(self, parameters)
            self._feedback.on_start()

    async def stop(self) -> None:
        """Called by RTCPeerConnection when it closes."""
        if self._registered:
            self._registered = False
            self.transport._unregister_rtp_sender(self)

    def _read_extended_reports(self) -> None:
        """Have what aiortc's parser passes over."""
        handle = self.transport._handle_rtcp_data

        async def handle_rtcp_data(data: bytes) -> None:
            for reference in reference_times(data):
                self._feedback.on_reference_time(reference)
            await handle(data)

        vars(self.transport).update(_handle_rtcp_data=handle_rtcp_data)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._feedback.on_report(
                        ReceptionReport(
                            report.fraction_lost / 256,
                            report.packets_lost,
                            report.lsr,
                            report.dlsr,
                        )
                    )
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            self._feedback.on_nack(packet.lost)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self._feedback.on_picture_loss()


def sender_report(
    ssrc: int, cname: str, *, ntp: int, timestamp: int, packets: int, octets: int
) -> bytes:
    """A sender report with its source description (RFC 3550 sections 6.4.1 and 6.5).

    Args:
        ntp: wall clock, 64-bit NTP.
        timestamp: RTP timestamp of the same instant.
    """
    info = RtcpSenderInfo(
        ntp_timestamp=ntp,
        rtp_timestamp=timestamp,
        packet_count=packets & 0xFFFFFFFF,
        octet_count=octets & 0xFFFFFFFF,
    )
    source = RtcpSourceInfo(ssrc=ssrc, items=[(1, cname.encode())])
    return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info)) + bytes(RtcpSdesPacket(chunks=[source]))
