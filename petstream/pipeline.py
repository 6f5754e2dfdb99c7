"""From the source to the distributor: the reader, processor and distributor threads.

    source --reader--> slots --processor--> units --distributor--> subscriptions

Strategy: the reader thread owns the source; processor and distributor are stages, each with a
bounded queue and a thread of its own, which the reader needs only when it is behind: see
``stage``. A full queue drops, and so does a fault; the next stage is told by a discontinuity, so
that every gate behind it waits for an IDR. The stream is read whether or not anybody watches,
because the GOP cache has to be warm when the first viewer comes.
"""

import dataclasses
import logging
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from petstream.distributor import Distributor
from petstream.errors import SourceError, StreamError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.processor import Processor
from petstream.logs import RepeatGuard
from petstream.slot import Slot
from petstream.source import Source
from petstream.stage import Stage
from petstream.threads import SupervisedThread, sleep_exactly

__all__ = ["CameraState", "Pipeline", "PipelineCounters"]

logger = logging.getLogger(__name__)

# A second of 60 fps; in bytes, ten of the largest slots.
QUEUE_ITEMS: Final = 60
QUEUE_BYTES: Final = 32 * 2**20
# While nobody waits for an access unit: some then come at once, for half the cost. The ring holds
# five times as much, and a viewer takes about as long to connect.
PATIENCE_S: Final = 0.2
URGENCY_UNITS: Final = 8  # while somebody waits, it is asked once in so many whether he still does
POLL_S: Final = 0.25  # how soon the reader notices that it shall stop
FEW_SLOTS: Final = 8  # so many that come at once are handled one after the other
RATE_WINDOW_S: Final = 2.0
FAULT_REPEAT_S: Final = 10.0  # between two log lines about a segment that cannot be used


@dataclasses.dataclass(slots=True)
class PipelineCounters:
    """Counts since the start. Each is written in one stage only, and read by any thread."""

    read: int = 0  # slots copied out of shared memory
    processed: int = 0  # access units made of them
    dropped: int = 0  # slots and access units that a stage refused or failed over
    published: int = 0  # access units handed to the subscriptions
    idr: int = 0  # of those, IDR
    bytes: int = 0  # of those, bytes of NAL units
    read_latency_ms: float = 0.0  # capture to read, of the last slot
    process_latency_ms: float = 0.0  # read to published, of the last access unit
    gop_length: int = 0  # access units from the last IDR but one to the last
    refused_at: float = -math.inf  # time.monotonic() when a slot was last refused
    process_errors: Counter[str] = dataclasses.field(default_factory=Counter)  # by reason


@dataclasses.dataclass(frozen=True, slots=True)
class CameraState:
    """What the camera is doing, as far as its stream tells.

    Attributes:
        attached: there is something to read from; of a ring, that it has the right size.
        fault: why it is not, in words; None if it is.
        fault_reason: the same as one stable word.
        age_s: since the last access unit; None before the first.
        fps, bit_rate_bps: over the last two seconds.
        gop_length: access units from one IDR to the next; 0 before the second.
        frame_interval_ms: what somebody asked the camera for; 0 for its own rate.
        camera_id, width, height: of the last access unit; None before the first.
        mode: how the reader tells finished slots from half-written ones.
        has_headers: parameter sets have been seen.
        b_frames: the stream has, or may have, B-frames.
        profile_level_id: of the active sequence parameter set, six hexadecimal digits.
    """

    attached: bool
    fault: str | None
    fault_reason: str | None
    age_s: float | None
    fps: float
    bit_rate_bps: float
    gop_length: int
    frame_interval_ms: int
    camera_id: int | None
    width: int | None
    height: int | None
    mode: str
    has_headers: bool
    b_frames: bool
    profile_level_id: str | None


class Pipeline:
    """The reader, and the two stages in front of the subscriptions."""

    def __init__(
        self,
        source: Source,
        *,
        on_fatal: Callable[[str, Exception], None],
        observe_read: Callable[[float], None] | None = None,
    ) -> None:
        """Make it; nothing is opened or started.

        Args:
            source: what the reader thread runs; it is closed when that stops.
            on_fatal: called with a thread's name and exception when it failed too often.
            observe_read: called with each slot's capture-to-read time in seconds.
        """
        self.distributor = Distributor()
        self.counters = PipelineCounters()
        self.source = source
        self.processor = Processor()
        self._observe_read = observe_read
        self._slot_lost = False  # reader: the next slot follows a drop
        self._unit_lost = False  # processor: the next access unit follows a drop
        self._published = True  # distributor: the access unit before went to every subscription
        self._recent: deque[tuple[float, int]] = deque(maxlen=256)  # (when, bytes) published
        self._last: AccessUnit | None = None
        self.newest_idr: AccessUnit | None = None  # for a still picture; any thread may read it
        self._gop_units = 0  # distributor: since the last IDR; 0 while that is unknown
        self._fault_guard = RepeatGuard(FAULT_REPEAT_S)
        self._stream_guard = RepeatGuard(1.0)
        self._reader = SupervisedThread("reader", self._read, on_fatal=on_fatal)
        self._processing = Stage[Slot](
            "processor",
            self._process,
            max_items=QUEUE_ITEMS,
            max_bytes=QUEUE_BYTES,
            on_fatal=on_fatal,
        )
        self._distributing = Stage[AccessUnit](
            "distributor",
            self._distribute,
            max_items=QUEUE_ITEMS,
            max_bytes=QUEUE_BYTES,
            on_fatal=on_fatal,
        )
        self.threads = (self._reader, self._processing, self._distributing)

    def start(self) -> None:
        """Start the threads, the last in the flow first, so that nothing meets a closed door."""
        for thread in reversed(self.threads):
            thread.start()

    def stop(self, timeout_s: float = 2.0) -> list[str]:
        """Stop the threads and close the source.

        Returns:
            The names of threads that still run after the time-out.
        """
        for thread in self.threads:
            thread.request_stop()
        deadline = time.monotonic() + timeout_s
        late = [t.name for t in self.threads if not t.join(max(0.0, deadline - time.monotonic()))]
        if "reader" not in late:
            self.source.close()
        return late

    def camera(self) -> CameraState:
        """The camera's state now (any thread)."""
        now = time.monotonic()
        last, fault = self._last, self.source.fault
        recent = [(at, size) for at, size in list(self._recent) if now - at <= RATE_WINDOW_S]
        sets = self.processor.parameter_sets
        return CameraState(
            attached=self.source.attached,
            fault=str(fault) if fault else None,
            fault_reason=fault.reason if fault else None,
            age_s=None if not self._recent else now - self._recent[-1][0],
            fps=len(recent) / RATE_WINDOW_S,
            bit_rate_bps=8 * sum(size for _, size in recent) / RATE_WINDOW_S,
            gop_length=self.counters.gop_length,
            frame_interval_ms=self.source.frame_interval_ms,
            camera_id=None if last is None else last.camera_id,
            width=None if sets is None else sets.parsed.width,
            height=None if sets is None else sets.parsed.height,
            mode=self.source.mode,
            has_headers=self.processor.has_headers,
            b_frames=self.processor.b_frames_seen,
            profile_level_id=None if sets is None else sets.parsed.profile_level_id,
        )

    @property
    def refused(self) -> Counter[str]:
        """Slots that were of no use, by reason."""
        return self.source.stats.rejected + self.counters.process_errors

    @property
    def read_errors(self) -> int:
        """Slots that could not be read or were refused, and segments that could not be opened."""
        stats = self.source.stats
        return stats.read_errors + stats.torn + sum(stats.rejected.values())

    @property
    def dropped(self) -> int:
        """Access units lost before the subscriptions: overwritten in the ring, torn or refused."""
        stats = self.source.stats
        lost = stats.slots_lost + stats.torn + sum(stats.rejected.values())
        return lost + self.counters.dropped + sum(self.counters.process_errors.values())

    def _read(self, stop: threading.Event) -> None:
        sleep_exactly()
        rejected = self.source.stats.rejected
        before = rejected.total()
        while not stop.is_set():
            slots = self.source.read(POLL_S)
            if rejected and rejected.total() != before:
                before = rejected.total()
                self.counters.refused_at = time.monotonic()
            if self.source.fault is not None:
                self._report_fault(self.source.fault)
            if self.source.patience_s or self.counters.read % URGENCY_UNITS == 0:
                self.source.patience_s = 0.0 if self.distributor.is_urgent else PATIENCE_S
            many = len(slots) > FEW_SLOTS
            for slot in slots:
                self._hand_on_slot(slot, more=many)

    def _hand_on_slot(self, slot: Slot, *, more: bool) -> None:
        self.counters.read += 1
        latency_s = (slot.read_ns - slot.capture_ns) / 1e9
        self.counters.read_latency_ms = 1e3 * latency_s
        if self._observe_read is not None:
            self._observe_read(latency_s)
        if self._slot_lost:
            slot = dataclasses.replace(slot, discontinuity=True)
        self._slot_lost = not self._processing.give(slot, len(slot.data), more=more)
        self.counters.dropped += self._slot_lost

    def _report_fault(self, fault: SourceError) -> None:
        repeats = self._fault_guard.check(fault.reason)
        if repeats is not None:
            logger.warning("no camera: %s (%d more since)", fault, repeats)

    def _process(self, slot: Slot) -> None:
        try:
            access_unit = self.processor.process(slot)
        except StreamError as exc:
            self.counters.process_errors[exc.reason] += 1
            self.counters.refused_at = time.monotonic()
            repeats = self._stream_guard.check(exc.reason)
            if repeats is not None:
                logger.warning("slot %d: %s (%d more since)", slot.sequence, exc, repeats)
            return
        except BaseException:
            self._unit_lost = True
            raise
        self._hand_on_unit(access_unit)

    def _hand_on_unit(self, access_unit: AccessUnit) -> None:
        self.counters.processed += 1
        if self._unit_lost:
            access_unit = dataclasses.replace(access_unit, discontinuity=True)
        more = self._processing.is_behind
        self._unit_lost = not self._distributing.give(access_unit, access_unit.size, more=more)
        self.counters.dropped += self._unit_lost

    def _distribute(self, access_unit: AccessUnit) -> None:
        if not self._published:
            access_unit = dataclasses.replace(access_unit, discontinuity=True)
        self._published = False
        self._count_published(access_unit)
        self.distributor.publish(access_unit)
        self._published = True

    def _count_published(self, access_unit: AccessUnit) -> None:
        now_ns = time.monotonic_ns()
        self.counters.published += 1
        self.counters.bytes += access_unit.size
        self.counters.process_latency_ms = (now_ns - access_unit.read_ns) / 1e6
        self._recent.append((now_ns / 1e9, access_unit.size))
        self._last = access_unit
        if access_unit.is_idr:
            self.counters.idr += 1
            self.newest_idr = access_unit
            if self._gop_units and not access_unit.discontinuity:
                self.counters.gop_length = self._gop_units
            self._gop_units = 0
        elif access_unit.discontinuity:
            self._gop_units = 0  # it will not be known how many there were
        if self._gop_units or access_unit.is_idr:
            self._gop_units += 1
