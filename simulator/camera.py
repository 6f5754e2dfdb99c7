"""The simulated camera: a clip played into the ring at its own pace.

Strategy: one loop, which takes the next access unit, waits for its deadline and writes it. The
deadline counts as the capture time, as the sensor's clock does in a real camera, so that what a
busy machine adds is seen as latency and not hidden in the timestamps.

A scenario acts between two access units, on the stage that they pass (``simulator.scenario``).

``run`` is the loop in the thread that calls it. ``with Camera(...) as camera:`` runs it in a
thread of its own; what goes wrong in there is kept, and raised by ``stop`` or at the end of the
``with``.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.detections import DetectionsWriter, detections_in
from simulator.fixture import Fixture
from simulator.pacing import NS_PER_MS, NS_PER_S, Pacer, interval_of_fps
from simulator.ring_writer import DEFAULT_SEGMENT, RingWriter
from simulator.scenario.fault import Fault
from simulator.scenario.stage import Stage
from simulator.scenario.timeline import DEFAULT_CLIP, Timeline
from simulator.source import Source

__all__ = ["Camera", "CameraStats"]

_CAPTURES_KEPT = 2048  # a minute at 30 fps


@dataclass(slots=True)
class CameraStats:
    """What a camera has done so far; written by its thread only.

    Attributes:
        access_units: written to the ring.
        bytes: of these, stamps included.
        loops: times the clip was played to its end.
        late: access units written more than half an interval after they were due.
        skipped: times the schedule was given up because the machine had stood still.
        started_ns: when the first was due, nanoseconds of CLOCK_MONOTONIC; 0 before that.
        captures: the last minute's access units, as place in the clip and capture time (likewise).
    """

    access_units: int = 0
    bytes: int = 0
    loops: int = 0
    late: int = 0
    skipped: int = 0
    started_ns: int = 0
    captures: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_CAPTURES_KEPT))


class Camera:
    """Plays a clip into a ring segment.

    The segment is there once the object is made, and is unlinked by ``close`` if it was made
    here. ``start``, ``stop``, ``wait`` and ``close`` are for the thread that owns the camera;
    ``stats`` may be read from any.

    Attributes:
        fixture: the clip it begins with.
        scenario: what goes wrong, None for nothing.
        faults: those that have been begun; written by the camera's thread only.
        detections: the writing end of the detections segment; None if none are written.
        stats: what has been done so far.
        fps: access units a second, as long as the segment asks for nothing else.
        width, height: what is written beside each access unit, in pixels.
    """

    def __init__(
        self,
        fixture: Fixture | str | Path | None = None,
        *,
        scenario: Timeline | None = None,
        shm: str = DEFAULT_SEGMENT,
        loop: bool = False,
        fps: Fraction | float | str | None = None,
        speed: Fraction | float | str = 1,
        width: int | None = None,
        height: int | None = None,
        camera_id: int = 0,
        stamp: bool = False,
        count: int | None = None,
        detections: str | None = None,
    ) -> None:
        """Load the clip and open the segment.

        Args:
            fixture: a clip, its path, or the name of one that comes with petstream; the
                scenario's when None.
            scenario: what goes wrong; the camera ends with it, unless it loops.
            shm: the segment's name.
            loop: begin again when the clip is over.
            fps: access units a second, such as 30 or "30000/1001"; the clip's when None.
            speed: multiplies that rate. While ``frame_interval_ms`` in the segment is not 0,
                neither counts.
            width: written beside each access unit; the clip's own when None.
            height: likewise.
            camera_id: likewise.
            stamp: put a stamp SEI (petstream.h264.sei) into each access unit, as a scenario may
                ask for too.
            count: stop after this many access units.
            detections: a second segment, for the box round what moves in each picture.

        Raises:
            FixtureError: the clip cannot be used.
            SegmentError: the segment cannot be used.
            ConfigError: its name is no segment name.
            ValueError: a rate is not positive, or another number is negative.
        """
        self.fixture = _clip(fixture, scenario)
        rate = (self.fixture.fps if fps is None else Fraction(fps)) * Fraction(speed)
        if rate <= 0 or (count is not None and count < 0):
            raise ValueError(f"rate {float(rate)} must be over 0, and count {count} not below")
        self.width = self.fixture.width if width is None else width
        self.height = self.fixture.height if height is None else height
        self.fps = rate
        self.scenario = scenario
        self.faults: list[Fault] = []
        self.stats = CameraStats()
        self._loop = loop
        self._count = count
        self._pacer = Pacer()
        self._late_ns = 0  # what counts as late, from the interval that is in force
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        stamp = stamp or (scenario is not None and scenario.stamp)
        source = Source(
            self.fixture, camera_id=camera_id, width=self.width, height=self.height, stamp=stamp
        )
        writer = RingWriter(shm)
        try:
            self.detections = None if detections is None else DetectionsWriter(detections)
        except BaseException:
            writer.close()
            raise
        self._stage = Stage(
            writer,
            source,
            interval_ns=interval_of_fps(rate),
            stamp=stamp,
            stop=self._stop,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self.close()

    @property
    def writer(self) -> RingWriter:
        """The ring's writing end; a scenario may put another in its place."""
        return self._stage.writer

    @property
    def is_running(self) -> bool:
        """Whether the camera's thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Run the camera in a thread of its own."""
        if self._thread is not None:
            raise RuntimeError("camera has been started before; make another one")
        self._thread = threading.Thread(target=self._run_thread, name="simulator")
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the clip is over; False when it still plays after ``timeout_s``."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.is_running

    def stop(self) -> None:
        """End the camera's thread, and raise what it died of; the segment stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Let go of the segments, and unlink those that were made here."""
        try:
            self.writer.close()
        finally:
            if self.detections is not None:
                self.detections.close()

    def run(self, stop: threading.Event) -> None:
        """Play until the clip or the count is over, or ``stop`` is set."""
        self._stage.stop = stop
        number = 0
        while self._goes_on(number) and not stop.is_set():
            if self.scenario is not None:
                self.faults += self.scenario.begin(number, self._stage)
            capture_ns = time.monotonic_ns()
            if not self._stage.hurried:
                capture_ns = self._next_deadline()
                if _wait_until(capture_ns, stop):
                    return
            self._write(number, capture_ns)
            number += 1
        # The last access unit lasts as long as the others: readers get to see it.
        _wait_until(self._next_deadline(), stop)

    def _goes_on(self, number: int) -> bool:
        if self._count is not None and number >= self._count:
            return False
        length = self.scenario.length if self.scenario else len(self.fixture.access_units)
        return self._loop or number < length

    def _next_deadline(self) -> int:
        asked_ms = self.writer.frame_interval_ms
        interval_ns = Fraction(asked_ms * NS_PER_MS) if asked_ms else self._stage.interval_ns
        self._late_ns = int(interval_ns / 2)
        deadline_ns = self._pacer.next_deadline(interval_ns)
        self.stats.skipped = self._pacer.skipped
        return deadline_ns

    def _write(self, number: int, capture_ns: int) -> None:
        stats = self.stats
        stats.started_ns = stats.started_ns or capture_ns
        stats.late += time.monotonic_ns() - capture_ns > self._late_ns
        source = self._stage.source
        stats.captures.append((source.position, capture_ns))
        found = detections_in(source.clip, source.position)
        stats.bytes += self._stage.publish(number, capture_ns)
        stats.access_units += 1
        stats.loops += self._stage.source.is_at_start
        if self.detections is not None:
            frame = self.writer.frame  # as it was written, faults included
            written_ns = frame.timestamp.tv_sec * NS_PER_S + frame.timestamp.tv_nsec
            self.detections.write(found, frame_number=frame.frame_number, capture_ns=written_ns)

    def _run_thread(self) -> None:
        try:
            self.run(self._stop)
        except BaseException as failure:  # noqa: BLE001  raised again by stop()
            self._failure = failure


def _wait_until(deadline_ns: int, stop: threading.Event) -> bool:
    """Wait for the deadline; True as soon as ``stop`` is set."""
    return stop.wait(max(0, deadline_ns - time.monotonic_ns()) / NS_PER_S)


def _clip(fixture: Fixture | str | Path | None, scenario: Timeline | None) -> Fixture:
    if isinstance(fixture, Fixture):
        return fixture
    if fixture is None:
        fixture = DEFAULT_CLIP if scenario is None else scenario.clip
    return Fixture.load(fixture)
