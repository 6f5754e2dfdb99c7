"""WebRTC as the rest of petstream sees it: blocking calls from any thread, one loop behind them.

Strategy: whoever publishes an access unit sends it too, which never waits; but if the loop is
sending at that moment, it only rings a bell there, and the loop takes what has come. Calls from
HTTP threads take their slot and plan their answer on their own thread, so that nothing which can
be refused costs the loop anything.
"""

import asyncio
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from petstream.distributor import Distributor
from petstream.errors import BadOfferError, UnavailableError
from petstream.webrtc.admission import Admission, Slot
from petstream.webrtc.loop import EventLoopThread
from petstream.webrtc.negotiation import IceSettings, Plan, plan_answer
from petstream.webrtc.rtp_sender import RtpSender
from petstream.webrtc.sdp import CANDIDATES_MAX
from petstream.webrtc.udp_ports import PortRangeLoop
from petstream.webrtc.viewer import ViewerInfo
from petstream.webrtc.viewers import Viewers

__all__ = ["Session", "WebRtcCounters", "WebRtcEndpoint"]

ANSWER_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 3.0
UNWATCHED_UNITS: Final = 15  # half a second at 30 fps; the subscription holds eight times as many


@dataclass(frozen=True, slots=True)
class Session:
    """An answered offer.

    Attributes:
        id: names the viewer.
        answer: SDP.
        etag: names its ICE session.
        rtp_offset: its RTP timestamps are this plus the ticks of the timeline, modulo 2^32.
    """

    id: str
    answer: str
    etag: str
    rtp_offset: int


@dataclass(frozen=True, slots=True)
class WebRtcCounters:
    """Counts since the start, over all viewers there were.

    Attributes:
        sent, dropped: access units, summed over viewers.
        viewers: that ever connected.
        errors: sends refused, viewers that failed, stray exceptions.
    """

    sent: int
    dropped: int
    viewers: int
    errors: int


class WebRtcEndpoint:
    """The viewers' side of the server."""

    def __init__(
        self,
        distributor: Distributor,
        *,
        max_viewers: int,
        ice: IceSettings,
        profile_level_id: Callable[[], str | None],
        on_fatal: Callable[[str, Exception], None],
        on_sent: Callable[[float], None] = lambda _: None,
        on_all_sent: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            distributor: where the stream comes from.
            max_viewers: connected or connecting at once.
            ice: how viewers find us.
            profile_level_id: gives that of the stream, None while it is unknown.
            on_fatal: see SupervisedThread.
            on_sent: called with each access unit's read-to-sent time in seconds, for each viewer.
            on_all_sent: called once for an access unit, when the last viewer was sent it.
        """
        self.admission = Admission(max_viewers)
        self._ice = ice
        self._profile_level_id = profile_level_id
        self._on_sent = on_sent
        self._on_all_sent = on_all_sent
        self._past = WebRtcCounters(0, 0, 0, 0)  # of loops that have ended
        self._sender: RtpSender | None = None
        self._viewers: Viewers | None = None
        self._numbers = itertools.count(1)
        self._rung = False  # the loop is about to send what has come
        self.loop = EventLoopThread(
            "webrtc", self._set_up, self._tear_down, on_fatal=on_fatal, new_loop=self._new_loop
        )
        self.subscription = distributor.subscribe(
            "webrtc", on_ready=self._on_unit, is_urgent=lambda: self.admission.taken > 0
        )

    def start(self) -> None:
        """Start the loop."""
        self.loop.start()

    def stop(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """Close every viewer and end the loop; False if it still runs after the time-out."""
        self.subscription.close()
        return self.loop.stop(timeout_s)

    def offer(self, sdp: str) -> Session:
        """Answer an offer.

        Raises:
            BadOfferError, NotAcceptableError: see ``plan_answer``.
            TooManyViewersError: no slot is free.
            UnavailableError: the loop does not answer.
        """
        slot = self.admission.take()
        try:
            plan = plan_answer(sdp, self._profile_level_id())
            return self.loop.call(self._admit(plan, slot), ANSWER_TIMEOUT_S)
        except BaseException:
            slot.give_back()
            raise

    def trickle(self, viewer_id: str, fragment: str) -> None:
        """Take candidates that came after the offer (RFC 8840: trickle-ice-sdpfrag).

        Raises:
            UnknownViewerError: there is no such viewer.
            BadOfferError: a candidate is malformed.
        """
        candidates = re.findall(r"^a=candidate:(.+?)\r?$", fragment, re.MULTILINE)
        if len(candidates) > CANDIDATES_MAX:
            raise BadOfferError(
                f"{len(candidates)} candidates, at most {CANDIDATES_MAX} are taken at once"
            )
        last = re.search(r"^a=end-of-candidates\s*$", fragment, re.MULTILINE) is not None
        self.loop.call(self._trickle(viewer_id, candidates, last=last), ANSWER_TIMEOUT_S)

    def etag(self, viewer_id: str) -> str:
        """What names a viewer's ICE session; raises UnknownViewerError."""
        return _etag(self.loop.call(self._answer(viewer_id), ANSWER_TIMEOUT_S))

    def dismiss(self, viewer_id: str) -> None:
        """End a viewer's session.

        Raises:
            UnknownViewerError: there is no such viewer.
        """
        self.loop.call(self._dismiss(viewer_id), ANSWER_TIMEOUT_S)

    def viewers(self) -> list[ViewerInfo]:
        """The figures of every viewer."""
        viewers = self._viewers
        return [] if viewers is None else viewers.infos()

    @property
    def connected(self) -> int:
        """Viewers that media flows to."""
        viewers = self._viewers
        return 0 if viewers is None else viewers.connected

    @property
    def packetized(self) -> int:
        """Access units made into packets by the loop that runs now."""
        sender = self._sender
        return 0 if sender is None else sender.packetized

    def newest_time(self) -> tuple[int, int] | None:
        """RTP ticks and capture time, ns, of the newest access unit; None before the first."""
        sender = self._sender
        return None if sender is None else sender.newest_time

    def counters(self) -> WebRtcCounters:
        """Counts since the start."""
        past, viewers, sender = self._past, self._viewers, self._sender
        dropped = past.dropped + self.subscription.dropped
        errors = past.errors + self.loop.stray_errors
        if viewers is None or sender is None:
            return WebRtcCounters(past.sent, dropped, past.viewers, errors)
        infos = viewers.infos()
        return WebRtcCounters(
            past.sent + viewers.past_sent + sum(info.sent for info in infos),
            dropped + viewers.past_dropped + sum(info.dropped for info in infos),
            past.viewers + viewers.total,
            errors + viewers.errors + sender.errors,
        )

    async def _admit(self, plan: Plan, slot: Slot) -> Session:
        self._catch_up()  # from now on each unit is sent when it comes
        viewer, answer = await self._running().admit(plan, slot)
        return Session(viewer.id, answer, _etag(answer), viewer.source.offset)

    async def _answer(self, viewer_id: str) -> str:
        return self._running().answer(viewer_id)

    async def _trickle(self, viewer_id: str, candidates: list[str], *, last: bool) -> None:
        await self._running().trickle(viewer_id, candidates, last=last)

    async def _dismiss(self, viewer_id: str) -> None:
        await self._running().dismiss(viewer_id)

    def _running(self) -> Viewers:
        if self._viewers is None:
            raise UnavailableError("webrtc is shutting down")
        return self._viewers

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        ports = self._ice.udp_ports
        return asyncio.SelectorEventLoop() if ports is None else PortRangeLoop(ports)

    def _set_up(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sender = RtpSender(
            self.loop.call_later, on_sent=self._on_sent, on_all_sent=self._on_all_sent
        )
        self._viewers = Viewers(self._sender, self._ice, self._numbers)
        loop.call_soon(self._catch_up)

    async def _tear_down(self) -> None:
        viewers, sender = self._viewers, self._sender
        if viewers is not None and sender is not None:
            await viewers.close()
            sender.close()
            past = self._past
            self._past = WebRtcCounters(
                past.sent + viewers.past_sent,
                past.dropped + viewers.past_dropped,
                past.viewers + viewers.total,
                past.errors + viewers.errors + sender.errors,
            )
        self._viewers = self._sender = None

    def _on_unit(self) -> None:
        """A unit is there (distributor); while nobody watches, several are taken at once."""
        if not self.admission.taken and self.subscription.queued < UNWATCHED_UNITS:
            return
        sender = self._sender
        if sender is not None and sender.lock.acquire(blocking=False):
            try:
                self._send_queued(sender)
            except Exception as exc:  # noqa: BLE001 - ends the loop, which is watched
                self.loop.fail(exc)
            finally:
                sender.lock.release()
        elif not self._rung:
            self._rung = True
            self.loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        """Send what has come meanwhile (event loop)."""
        self._rung = False
        sender = self._sender
        if sender is not None:
            with sender.lock:
                self._send_queued(sender)

    def _send_queued(self, sender: RtpSender) -> None:
        while (access_unit := self.subscription.get(0)) is not None:
            sender.send(access_unit)


def _etag(answer: str) -> str:
    """Our ICE user name fragment, which changes with the ICE session (RFC 9725 section 4.3.1)."""
    match = re.search(r"^a=ice-ufrag:(\S+)", answer, re.MULTILINE)
    return match[1] if match else ""
