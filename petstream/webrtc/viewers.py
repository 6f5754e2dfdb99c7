"""All viewers: their coming, their ten seconds to connect, and noticing that one has gone.

Strategy: a viewer holds its slot from the moment it is known here until its connection is closed,
which happens in one place. One ticking task looks after time limits and sender reports for all.
Event-loop thread only, but for ``infos`` and the counts.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Coroutine, Iterator
from typing import Any, Final

from petstream.errors import UnknownViewerError
from petstream.rtp.headers import RtpSource
from petstream.webrtc.admission import Slot
from petstream.webrtc.loop import next_beat
from petstream.webrtc.negotiation import IceSettings, Plan, add_candidates, answer_plan
from petstream.webrtc.rtp_sender import RtpSender
from petstream.webrtc.viewer import Viewer, ViewerInfo

__all__ = ["CONNECT_TIMEOUT_S", "SILENCE_TIMEOUT_S", "Viewers"]

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 10.0
# A viewer that is stopped for ten seconds is kept, one that vanished is noticed within twelve.
# A browser is heard every second or two: receiver reports, ICE consent checks.
SILENCE_TIMEOUT_S: Final = 11.5
REPORT_BEATS: Final = 4  # a sender report every so many beats of the loop,
REPORT_OFTEN_S: Final = 3.0  # and every beat at first, for it takes several to align time
CLOSE_TIMEOUT_S: Final = 2.0
DEAD_STATES: Final = {"failed", "closed"}


class Viewers:
    """The viewers of one event loop.

    Attributes:
        total: viewers that ever connected.
        errors: viewers closed because something of theirs failed.
        past_sent, past_dropped: access units of viewers that have left.
    """

    def __init__(self, sender: RtpSender, settings: IceSettings, numbers: Iterator[int]) -> None:
        """Begin to look after viewers; there are none yet.

        Args:
            sender: the fan-out they become part of.
            settings: how they find us.
            numbers: what they are called, one after the other.
        """
        self.total = 0
        self.errors = 0
        self.past_sent = 0
        self.past_dropped = 0
        self._sender = sender
        self._settings = settings
        self._viewers: dict[str, Viewer] = {}
        self._numbers = numbers
        self._tasks: set[asyncio.Task[None]] = set()
        self._source = RtpSource.random()
        self._cname = secrets.token_hex(8)  # RFC 7022 section 4.2: short-term, random
        self._spawn(self._look_after())

    def infos(self) -> list[ViewerInfo]:
        """Every viewer's figures (any thread)."""
        return [viewer.info() for viewer in list(self._viewers.values())]

    @property
    def connected(self) -> int:
        """Viewers that media flows to (any thread)."""
        return sum(viewer.connected for viewer in list(self._viewers.values()))

    async def admit(self, plan: Plan, slot: Slot) -> tuple[Viewer, str]:
        """Answer an offer; the viewer and the answer. The slot is the viewer's from now on."""
        viewer = Viewer(
            secrets.token_urlsafe(12),
            next(self._numbers),
            self._sender,
            self._source,
            slot,
            on_connected=self._on_connected,
            on_dead=self._on_dead,
        )
        self._viewers[viewer.id] = viewer
        try:
            viewer.negotiated = negotiated = await answer_plan(
                plan, self._settings, viewer, self._source
            )
        except BaseException:
            await self._remove(viewer, "its offer could not be answered")
            raise
        connection = negotiated.connection

        @connection.on("connectionstatechange")
        def on_change() -> None:
            if connection.connectionState in DEAD_STATES and not viewer.closing:
                self._spawn(self._remove(viewer, f"its connection is {connection.connectionState}"))

        if plan.mdns_candidates:
            mid, names = plan.section.mid, plan.mdns_candidates
            self._spawn(add_candidates(connection, mid, names, last=False))
        return viewer, negotiated.answer

    def answer(self, viewer_id: str) -> str:
        """The answer that a viewer was given."""
        negotiated = self._find(viewer_id).negotiated
        return negotiated.answer if negotiated else ""

    async def trickle(self, viewer_id: str, candidates: list[str], *, last: bool) -> None:
        """Add candidates that a viewer sent after its offer."""
        viewer = self._find(viewer_id)
        if viewer.negotiated is not None:
            connection = viewer.negotiated.connection
            mid = viewer.negotiated.plan.section.mid
            await add_candidates(connection, mid, candidates, last=last)

    async def dismiss(self, viewer_id: str) -> None:
        """End a viewer's session."""
        await self._remove(self._find(viewer_id), "it said goodbye")

    async def close(self) -> None:
        """Close every viewer and end all tasks."""
        viewers = list(self._viewers.values())
        await asyncio.gather(*(self._remove(v, "the server is stopping") for v in viewers))
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_connected(self, viewer: Viewer) -> None:
        self.total += 1
        logger.info("viewer %d connected", viewer.number)

    def _on_dead(self, viewer: Viewer, error: Exception) -> None:
        self.errors += 1
        logger.error("viewer %d cannot be sent to and is closed", viewer.number, exc_info=error)
        self._spawn(self._remove(viewer, "it could not be sent to"))

    def _find(self, viewer_id: str) -> Viewer:
        viewer = self._viewers.get(viewer_id)
        if viewer is None:
            raise UnknownViewerError("no viewer has this id; it has left or never was")
        return viewer

    async def _remove(self, viewer: Viewer, reason: str) -> None:
        """Close a viewer and give its slot back: the only place that does."""
        if self._viewers.pop(viewer.id, None) is None:
            return
        info = viewer.info()
        self.past_sent += info.sent
        self.past_dropped += info.dropped
        viewer.connected = False
        try:
            await asyncio.wait_for(viewer.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            self.errors += 1
            logger.error("viewer %d did not close within %.0f s", viewer.number, CLOSE_TIMEOUT_S)
        finally:
            viewer.slot.give_back()
        logger.info(
            "viewer %d left after %.1f s: %s (%d access units sent, %d dropped)",
            viewer.number,
            info.age_s,
            reason,
            info.sent,
            info.dropped,
        )

    async def _look_after(self) -> None:
        """Time limits and sender reports, for ever."""
        for beat in itertools.count(1):
            await next_beat()
            for viewer in list(self._viewers.values()):
                reason = _overdue(viewer)
                if reason is not None:
                    self._spawn(self._remove(viewer, reason))
                elif viewer.connected and (
                    beat % REPORT_BEATS == 0 or viewer.connected_s < REPORT_OFTEN_S
                ):
                    viewer.send_report(self._cname)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _overdue(viewer: Viewer) -> str | None:
    """Why a viewer's time is up; None if it is not."""
    if not viewer.connected and viewer.age_s > CONNECT_TIMEOUT_S:
        return f"it did not connect within {CONNECT_TIMEOUT_S:.0f} s"
    if viewer.connected and viewer.silent_s > SILENCE_TIMEOUT_S:
        return f"nothing came from it for {SILENCE_TIMEOUT_S} s"
    return None
