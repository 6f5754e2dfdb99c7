"""One viewer: from its negotiated connection to its outlet, and what it tells us by RTCP.

Event-loop thread only, but for ``info``, which any thread may read.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from petstream.rtp.extended_reports import ReferenceTime, delay_since
from petstream.rtp.headers import RtpSource
from petstream.rtp.ntp import middle, ntp_from_unix_ns
from petstream.rtp.stream import RtpStream, RtxStream
from petstream.webrtc.adapter import ReceptionReport, sender_report
from petstream.webrtc.admission import Slot
from petstream.webrtc.negotiation import Negotiated
from petstream.webrtc.outlet import Outlet
from petstream.webrtc.rtp_sender import RtpSender

__all__ = ["Viewer", "ViewerInfo"]

NACK_PACKETS_MAX: Final = 500  # answered for one request; more is a picture to be sent anew
# Of what was sent, so much may be sent again: at 25 % loss, each packet twice, it is a little more
# than half. A viewer that asks for more would do so at the others' cost.
RESENT_SHARE_MAX: Final = 0.75
# A viewer that does not know the round-trip time asks again only after 100 ms, three pictures
# late. So what it asked for goes out a second time, unasked.
REPEAT_S: Final = 0.02
RESYNC_INTERVAL_S: Final = 0.5  # between two answers to PLI: one needs a round trip to arrive
RTT_WEIGHT: Final = 0.15
REPORTS_KEPT: Final = 16  # of ours: an answer to one of them may take seconds


@dataclass(frozen=True, slots=True)
class ViewerInfo:
    """A viewer's figures, for metrics and people.

    Attributes:
        id: a running number; it is not the name that ends a session.
        state: ``connecting`` or ``connected``.
        age_s: since its offer.
        codec: what was negotiated, such as ``H264 42e01f``.
        sent, dropped: access units.
        queued, queued_bytes: access units that wait to be sent, and their bytes.
        socket_full: how often the socket took no more.
        packets, retransmitted: RTP packets sent for the first time, and again.
        nacks, picture_losses: requests for lost packets, and for a new picture (PLI, FIR).
        resyncs: such requests that were answered with the cached GOP.
        rtt_ms: smoothed round-trip time, None before the first report.
        fraction_lost: 0 to 1, of the last report.
        packets_lost: in all, as the viewer counts them.
    """

    id: int
    state: str
    age_s: float
    codec: str
    sent: int
    dropped: int
    queued: int
    queued_bytes: int
    socket_full: int
    packets: int
    retransmitted: int
    nacks: int
    picture_losses: int
    resyncs: int
    rtt_ms: float | None
    fraction_lost: float
    packets_lost: int


class Viewer:
    """A browser that is, or is about to be, connected.

    Attributes:
        connected: DTLS is up and media flows.
        created_at: time.monotonic() of the offer.
        source: the stream it is sent.
        negotiated: its peer connection; None until the answer is made.
    """

    def __init__(
        self,
        viewer_id: str,
        number: int,
        sender: RtpSender,
        source: RtpSource,
        slot: Slot,
        *,
        on_connected: Callable[["Viewer"], None],
        on_dead: Callable[["Viewer", Exception], None],
    ) -> None:
        """Make it.

        Args:
            viewer_id: hard to guess, because it is what ends a session; so it is never shown.
            number: what it is called in figures and in the log.
            sender: the fan-out it will be part of.
            source: what that sends, as every viewer is told.
            slot: what it is admitted by.
            on_connected: called once, when media begins to flow.
            on_dead: called when sending to it fails for a reason of its own.
        """
        self.id = viewer_id
        self.number = number
        self.slot = slot
        self.created_at = time.monotonic()
        self.source = source
        self.connected = False
        self.closing = False
        self.negotiated: Negotiated | None = None
        self.outlet: Outlet | None = None
        self._sender = sender
        self._on_connected = on_connected
        self._on_dead = on_dead
        self._rtx: RtxStream | None = None
        self._connected_at = 0.0
        self._resynced_at = 0.0
        # Our last reports: the middle of their NTP time, and when they were sent.
        self._reports_sent: deque[tuple[int, float]] = deque(maxlen=REPORTS_KEPT)
        self._reference: tuple[ReferenceTime, float] | None = None  # its clock, and when it came
        self._nacks = 0
        self._picture_losses = 0
        self._resyncs = 0
        self._rtt_s: float | None = None
        self._fraction_lost = 0.0
        self._packets_lost = 0

    def on_start(self) -> None:
        """DTLS is up: make the outlet and begin with the cached GOP."""
        negotiated = self.negotiated
        if negotiated is None or self.closing:
            return
        plan, source = negotiated.plan, self.source
        chosen = plan.chosen
        if chosen.rtx_payload_type is not None:
            self._rtx = RtxStream(source.rtx_ssrc, chosen.rtx_payload_type)
        self.outlet = Outlet(
            negotiated.ice.media_transport(),
            RtpStream(source.headers(chosen.payload_type, plan.extensions)),
            on_sent=self._sender.on_sent,
            on_error=self._sender.on_error,
        )
        self.connected = True
        self._connected_at = self._resynced_at = time.monotonic()
        self._on_connected(self)
        self._sender.add(self.outlet, lambda error: self._on_dead(self, error))

    def on_report(self, report: ReceptionReport) -> None:
        """Keep loss, and the round-trip time (RFC 3550 section 6.4.1)."""
        self._fraction_lost = report.fraction_lost
        self._packets_lost = report.packets_lost
        sent_at = dict(self._reports_sent).get(report.last_sr)
        if sent_at is None:
            return
        rtt_s = max(0.0, time.monotonic() - sent_at - report.delay / 65536)
        if self._rtt_s is None:
            self._rtt_s = rtt_s
        else:
            self._rtt_s += RTT_WEIGHT * (rtt_s - self._rtt_s)

    def on_reference_time(self, reference: ReferenceTime) -> None:
        """Keep the viewer's clock until our next report."""
        self._reference = reference, time.monotonic()

    def on_nack(self, sequence_numbers: Sequence[int]) -> None:
        """Send lost packets again, as far as they are kept and it is not too many.

        Twice, with REPEAT_S between, if the viewer would take long to miss them again.
        """
        self._nacks += 1
        self._resend(sequence_numbers)
        if self.negotiated is not None and "rrtr" not in self.negotiated.plan.chosen.feedback:
            loop = asyncio.get_running_loop()
            loop.call_later(REPEAT_S, self._resend, sequence_numbers)

    def _resend(self, sequence_numbers: Sequence[int]) -> None:
        outlet = self.outlet
        if outlet is None or self.closing:
            return
        allowed = NACK_PACKETS_MAX + int(RESENT_SHARE_MAX * outlet.stream.packets)
        left = min(NACK_PACKETS_MAX, allowed - outlet.retransmitted)
        with self._sender.lock:
            for sequence_number in sequence_numbers[: max(0, left)]:
                outlet.retransmit(self._sender.buffer, sequence_number, self._rtx)

    def on_picture_loss(self) -> None:
        """Send the cached GOP anew, if that heals sooner than the next IDR.

        Not while the answer before may still be on its way.
        """
        self._picture_losses += 1
        now = time.monotonic()
        if self.outlet is None or now - self._resynced_at < RESYNC_INTERVAL_S:
            return
        if self._sender.resync_pays(self._rtt_s or 0.0):
            self._resynced_at = now
            self._resyncs += 1
            self._sender.resync(self.outlet)

    def send_report(self, cname: str) -> None:
        """Send a sender report, so that the viewer can align and measure time."""
        outlet = self.outlet
        if outlet is None or outlet.ticks is None:
            return
        with self._sender.lock:
            self._send_report(outlet, cname)

    def _send_report(self, outlet: Outlet, cname: str) -> None:
        ntp, stream, ssrc = ntp_from_unix_ns(time.time_ns()), outlet.stream, self.source.ssrc
        report = sender_report(
            ssrc,
            cname,
            ntp=ntp,
            timestamp=stream.headers.timestamp(self._sender.ticks_now()),
            packets=stream.packets,
            octets=stream.octets,
        )
        self._reports_sent.append((middle(ntp), time.monotonic()))
        try:
            outlet.transport.send_rtcp(report + self._extended_report(ssrc))
        except OSError as exc:
            self._sender.on_error(exc)

    def _extended_report(self, ssrc: int) -> bytes:
        """The viewer's clock told back to it, once; empty if there is nothing to tell."""
        if self._reference is None:
            return b""
        (viewer_ssrc, ntp), came_at = self._reference
        self._reference = None
        delay = int((time.monotonic() - came_at) * 65536)
        return delay_since(ssrc, viewer_ssrc, middle(ntp), delay)

    @property
    def connected_s(self) -> float:
        """Since media began to flow."""
        return time.monotonic() - self._connected_at

    @property
    def age_s(self) -> float:
        """Since its offer."""
        return time.monotonic() - self.created_at

    @property
    def silent_s(self) -> float:
        """For how long nothing has come from it."""
        if self.negotiated is None:
            return 0.0
        return time.monotonic() - self.negotiated.ice.heard_at

    async def close(self) -> None:
        """Stop sending and close the connection; twice is once."""
        if self.closing:
            return
        self.closing = True
        if self.outlet is not None:
            self._sender.remove(self.outlet)  # and so nobody sends through it any more
            self.outlet.transport.close()
        if self.negotiated is not None:
            await self.negotiated.connection.close()

    def info(self) -> ViewerInfo:
        """Its figures now."""
        outlet, negotiated = self.outlet, self.negotiated
        return ViewerInfo(
            id=self.number,
            state="connected" if self.connected else "connecting",
            age_s=round(self.age_s, 3),
            codec=f"H264 {negotiated.plan.profile_level_id}" if negotiated else "",
            sent=outlet.sent if outlet else 0,
            dropped=outlet.dropped if outlet else 0,
            queued=outlet.queued if outlet else 0,
            queued_bytes=outlet.bytes_queued if outlet else 0,
            socket_full=outlet.socket_full if outlet else 0,
            packets=outlet.stream.packets if outlet else 0,
            retransmitted=outlet.retransmitted if outlet else 0,
            nacks=self._nacks,
            picture_losses=self._picture_losses,
            resyncs=self._resyncs,
            rtt_ms=None if self._rtt_s is None else round(1e3 * self._rtt_s, 3),
            fraction_lost=self._fraction_lost,
            packets_lost=self._packets_lost,
        )
