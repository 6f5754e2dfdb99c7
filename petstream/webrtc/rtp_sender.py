"""The fan-out: each access unit is timed and packetized once, and goes to every viewer.

Strategy: viewers take turns. A new unit gives each viewer that has nothing else to send its first
turn at once; most P pictures are out with that. What is left goes in rounds, one turn a viewer,
with a pause between two short rounds, so that a large IDR reaches all of them over some
milliseconds instead of overrunning one receive buffer after another. Whoever brings a unit sends
it, the loop does the rounds; one lock keeps them apart.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import GopCache
from petstream.logs import RepeatGuard
from petstream.rtp.ntp import ntp_from_unix_ns
from petstream.rtp.packets import PAYLOAD_MAX, Packets
from petstream.rtp.timeline import CLOCK_RATE, Timeline, ticks_from_ns
from petstream.webrtc.adapter import SrtpBuffer
from petstream.webrtc.outlet import BURST_PACKETS, Outlet, TimedUnit

__all__ = ["RtpSender"]

logger = logging.getLogger(__name__)

ROUND_PAUSE_S: Final = 0.001  # the least that epoll(7) waits
LONG_ROUND_NS: Final = 700_000  # after one of ten viewers or more a pause would only cost time
# What a viewer is sent of a large unit: at this rate it may be asleep for 4 ms and lose nothing of
# an IDR. A round that took longer sends more, but never two rounds' worth back to back.
PACKETS_A_MS: Final = 20
CAPTURE_AGE_MAX_NS: Final = 10_000_000_000  # an older capture time is of another clock than ours


class RtpSender:
    """Sends the stream to all outlets.

    Attributes:
        lock: held by whoever sends, by ``send`` or through an outlet; the other methods take it.
        packetized: access units made into packets; once each, whatever the number of viewers.
        errors: sends that the network refused; their packets were lost.
        newest_time: RTP ticks of the newest unit, and its capture time in nanoseconds of our
            CLOCK_MONOTONIC; None before the first.
    """

    def __init__(
        self,
        call_later: Callable[[float, Callable[[], None]], object],
        *,
        on_sent: Callable[[float], None],
        on_all_sent: Callable[[float], None],
    ) -> None:
        """Make it.

        Args:
            call_later: runs a callback on the event loop after so many seconds; any thread.
            on_sent: called with each live unit's read-to-sent time in seconds, for each viewer.
            on_all_sent: called once for a unit, when the last viewer was sent it.
        """
        self.lock = threading.Lock()
        self.packetized = 0
        self.errors = 0
        self.newest_time: tuple[int, int] | None = None
        self.on_sent = on_sent
        self.buffer = SrtpBuffer()
        self._on_all_sent = on_all_sent
        self._call_later = call_later
        # What to do when sending to an outlet fails for a reason of its own.
        self._outlets: dict[Outlet, Callable[[Exception], None]] = {}
        self._timeline = Timeline()
        self._gop = GopCache[TimedUnit]()
        self._idr_ticks: int | None = None  # of the newest IDR
        self._gop_ticks = 0  # from the IDR before it to that one; 0 if unknown
        self._unsent_since_ns: int | None = None  # read time of the newest unit until all have it
        self._round_is_due = False
        self._turned_ns = 0  # when viewers had their last turn
        self._error_guard = RepeatGuard(1.0)

    def add(self, outlet: Outlet, on_dead: Callable[[Exception], None]) -> None:
        """Begin to send to a viewer: the cached GOP first, so that it has a picture at once.

        Args:
            on_dead: called on the event loop when sending fails for a reason of the viewer's own.
        """
        with self.lock:
            self._outlets[outlet] = on_dead
            self._replay(outlet)

    def remove(self, outlet: Outlet) -> None:
        """Send nothing more to a viewer."""
        with self.lock:
            self._outlets.pop(outlet, None)

    def close(self) -> None:
        """Send nothing more to anyone."""
        with self.lock:
            self._outlets.clear()

    def ticks_now(self) -> int:
        """The RTP time of this moment, on the capture clock."""
        ticks, at_ns = self.newest_time or (0, time.monotonic_ns())
        return ticks + ticks_from_ns(time.monotonic_ns() - at_ns)

    def on_error(self, error: OSError) -> None:
        """The network refused packets of some viewer."""
        self.errors += 1
        repeats = self._error_guard.check(str(error.errno))
        if repeats is not None:
            logger.warning("cannot send to a viewer: %s (%d more since)", error, repeats)

    def resync(self, outlet: Outlet) -> None:
        """Send a viewer the cached GOP again, from its IDR."""
        with self.lock:
            if outlet in self._outlets:
                self._replay(outlet)

    def _replay(self, outlet: Outlet) -> None:
        was_waiting = outlet.pending
        outlet.start(self._gop.units())
        self._send([] if was_waiting else [outlet])

    def resync_pays(self, rtt_s: float) -> bool:
        """Whether the cached GOP heals a viewer's picture sooner than the next IDR will."""
        if not self._gop:
            return False
        due_s = self._gop_ticks / CLOCK_RATE - self._since_idr_s()
        if due_s <= 0:  # nobody knows when it comes
            return True
        takes_s = self._gop.size / PAYLOAD_MAX / PACKETS_A_MS / 1e3
        return takes_s + rtt_s / 2 < due_s

    def send(self, access_unit: AccessUnit) -> None:
        """Send the next access unit of the stream to every viewer (who holds the lock)."""
        ticks = self._timeline.ticks(access_unit.capture_ns, access_unit.read_ns)
        age_ns = access_unit.read_ns - access_unit.capture_ns
        believable = 0 <= age_ns < CAPTURE_AGE_MAX_NS
        captured_ns = access_unit.capture_ns if believable else access_unit.read_ns
        unit = TimedUnit(
            packets=Packets(access_unit.nal_units),
            ticks=ticks,
            capture_ntp=ntp_from_unix_ns(time.time_ns() - (time.monotonic_ns() - captured_ns)),
            read_ns=access_unit.read_ns,
            size=access_unit.size,
            is_idr=access_unit.is_idr,
            discontinuity=access_unit.discontinuity,
        )
        self.packetized += 1
        self.newest_time = ticks, captured_ns
        if unit.is_idr:
            self._gop_ticks = 0 if self._idr_ticks is None else ticks - self._idr_ticks
            self._idr_ticks = ticks
        self._gop.add(unit)
        idle = []
        for outlet in self._outlets:
            if not outlet.pending:
                idle.append(outlet)
            outlet.offer(unit)
        self._unsent_since_ns = access_unit.read_ns if self._outlets else None
        self._send(idle)

    def _since_idr_s(self) -> float:
        return (self.ticks_now() - (self._idr_ticks or 0)) / CLOCK_RATE

    def _send_round(self) -> None:
        """A turn for every viewer that has something to send."""
        with self.lock:
            self._round_is_due = False
            passed_ms = (time.monotonic_ns() - self._turned_ns) / 1e6
            self._send(list(self._outlets), min(BURST_PACKETS, int(PACKETS_A_MS * passed_ms)))

    def _send(self, outlets: Sequence[Outlet], packets: int = PACKETS_A_MS) -> None:
        """A turn for each of these, and another round if anything is left anywhere."""
        self._turned_ns = time.monotonic_ns()
        is_left = self._round_is_due  # for those who have something to send already
        for outlet in outlets:
            try:
                is_left |= outlet.send_turn(self.buffer, packets)
            except Exception as exc:  # noqa: BLE001 - where one viewer's fault ends
                self._call_later(0.0, functools.partial(self._outlets.pop(outlet), exc))
        if is_left:
            if not self._round_is_due:
                self._round_is_due = True
                took_ns = time.monotonic_ns() - self._turned_ns
                pause_s = ROUND_PAUSE_S if took_ns < LONG_ROUND_NS else 0.0
                self._call_later(pause_s, self._send_round)
        elif self._unsent_since_ns is not None:
            self._on_all_sent((time.monotonic_ns() - self._unsent_since_ns) / 1e9)
            self._unsent_since_ns = None
