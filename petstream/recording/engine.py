"""What the recorder thread does: take access units, write them, keep watch, begin and end.

Strategy: all of it happens in one thread, one thing after another, so that nothing here needs a
lock; what others may see (``status``, ``counters``) is replaced or counted up, never taken back.
While nothing is recorded the thread sleeps, and takes what has come in several access units at a
time: waking for each costs more than keeping them.
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from petstream.errors import (
    AlreadyRecordingError,
    NoSpaceError,
    NotRecordingError,
    RecordingError,
)
from petstream.h264.access_unit import AccessUnit
from petstream.recording.directory import RecordingDirectory, reason_of
from petstream.recording.limits import Limits
from petstream.recording.names import NameSequence, RecordingFormat
from petstream.recording.pre_roll import PreRoll
from petstream.recording.session import Session
from petstream.recording.status import RecordingStatus
from petstream.recording.syscalls import Syscalls
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["Engine", "RecorderCounters", "Source"]

# By this name, because it is the recorder's work that is logged.
logger = logging.getLogger("petstream.recording")

MAINTAIN_NS: Final = 1_000_000_000  # a power cut costs this much; a removed file is found as soon
DRAIN_NS: Final = 2_000_000_000  # stop writes what was queued for so long, and drops the rest
# A wake-up that another caller left in the source is no sign that the source is empty.
EMPTY_ANSWERS: Final = 3


class Source(Protocol):
    """Where access units come from, such as ``distributor.Subscription``."""

    def get(self, timeout_s: float) -> AccessUnit | None:
        """The next one; None after the time-out or a ``wake``."""

    def wake(self) -> None:
        """Make a waiting ``get`` return; any thread."""


@dataclass(slots=True)
class RecorderCounters:
    """Counts since the start. Written by the recorder thread only, and read by any."""

    recordings: int = 0  # started
    errors: int = 0  # recordings that ended by an error
    recorded: int = 0  # access units taken into a recording
    skipped: int = 0  # access units that came in during one and were left out


class Engine:
    """The recorder thread's own object.

    Attributes:
        status: the present or last recording's figures; any thread may read it.
        counters: any thread may read them.
    """

    def __init__(
        self,
        directory: Path,
        pre_roll: PreRoll,
        *,
        min_free_bytes: int,
        limits: Limits,
        no_room: Callable[[], str | None],
        clock: Callable[[], int],
        utc_now: Callable[[], datetime],
        syscalls: Syscalls,
    ) -> None:
        """Make it; the arguments are those of Recorder."""
        self.status = RecordingStatus()
        self.counters = RecorderCounters()
        self._directory = directory
        self._pre_roll = pre_roll
        self._min_free_bytes = min_free_bytes
        self._limits = limits
        self._no_room = no_room
        self._clock = clock
        self._utc_now = utc_now
        self._syscalls = syscalls
        self._names = NameSequence()
        self._source: Source | None = None  # while the thread runs
        self._session: Session | None = None
        self._status_before = self.status  # of the recording before the present one
        # Taken from pre-roll or source, but not handled yet; goes before the source.
        self._backlog: deque[AccessUnit] = deque()
        self._bell = threading.Event()  # rung for a thread that has nothing to record
        self._started_ns = 0
        self._maintained_ns = 0

    def attach(self, source: Source) -> None:
        """Say where access units come from, before anything else is done."""
        self._source = source

    def wake(self) -> None:
        """Make a waiting ``step`` return; any thread."""
        self._bell.set()
        if self._source is not None:
            self._source.wake()

    def start(self, recording_format: RecordingFormat, since_ns: int | None) -> RecordingStatus:
        """Make the first file; ``since_ns`` is where the pre-roll begins, None without one.

        Raises:
            AlreadyRecordingError, NoSpaceError, RecordingError
        """
        if self._session is not None:
            raise AlreadyRecordingError(f"{self.status.filename} is being recorded; stop it first")
        with contextlib.ExitStack() as undo:
            directory = RecordingDirectory(self._directory, self._names, self._syscalls)
            undo.callback(directory.close)
            directory.require_space(self._min_free_bytes)
            self._session = Session(directory, recording_format, self._utc_now, self._limits)
            undo.pop_all()
        if since_ns is not None:
            self._backlog.extendleft(reversed(self._pre_roll.take_since(since_ns)))
        self.counters.recordings += 1
        self._started_ns = self._maintained_ns = self._clock()
        self._status_before = self.status
        self.status = self._session.status()
        logger.info("recording %s", self.status.filename)
        return self.status

    def undo_start(self) -> None:
        """Take back a start whose caller has given up."""
        session, self._session = self._session, None
        if session is not None:
            self.status = self._status_before
            session.discard()

    def stop(self, asked_ns: int) -> RecordingStatus:
        """Write what had come in when stop was asked for, and close the file.

        Raises:
            NotRecordingError
        """
        if self._session is None:
            last = f"; the last one ended: {self.status.error}" if self.status.error else ""
            raise NotRecordingError(f"no recording runs{last}")
        self._drain(asked_ns)
        self.end(None)
        return self.status

    def step(self, timeout_s: float) -> bool:
        """Handle the next access unit, if one comes in time, and keep watch.

        Returns:
            False if none came.
        """
        access_unit = self._next(timeout_s if self._session is not None else 0.0)
        if access_unit is not None:
            self._take(access_unit)
        elif self._session is None:
            self._bell.wait(timeout_s)
            self._bell.clear()
        now_ns = self._clock()
        if self._session is not None and now_ns - self._maintained_ns >= MAINTAIN_NS:
            self._maintained_ns = now_ns
            self._maintain(self._session, now_ns)
        return access_unit is not None

    def _maintain(self, session: Session, now_ns: int) -> None:
        with self._failing("go on with"):
            session.maintain()
            no_room = self._no_room()
            if no_room is not None:
                raise NoSpaceError(no_room)
            # A camera that is silent does not bring the end of a recording nearer, but the clock.
            if self._limits.reached((now_ns - self._started_ns) * CLOCK_RATE // 10**9):
                self.end(None)

    def end(self, reason: str | None) -> None:
        """Close a running recording's file; ``reason`` is why, if nobody asked for it."""
        session, self._session = self._session, None
        if session is None:
            return
        status = session.finish(reason)
        if status.error is not None:
            self.counters.errors += 1
            logger.error("recording %s ended: %s", status.filename, status.error)
        else:
            logger.info("recorded %s: %d access units", status.filename, status.frame_count)
        self.status = status

    def _drain(self, asked_ns: int) -> None:
        deadline_ns = self._clock() + DRAIN_NS
        empty = 0
        while self._session is not None and empty < EMPTY_ANSWERS:
            access_unit = self._next(0.0)
            if access_unit is None:
                empty += 1
                continue
            empty = 0
            if self._clock() < deadline_ns:
                self._take(access_unit)
            elif access_unit.read_ns <= asked_ns:
                self._pre_roll.add(access_unit)
                self._session.skip(access_unit)
                self.counters.skipped += 1
            else:
                self._backlog.appendleft(access_unit)
                return

    def _next(self, timeout_s: float) -> AccessUnit | None:
        if self._backlog:
            return self._backlog.popleft()
        return None if self._source is None else self._source.get(timeout_s)

    def _take(self, access_unit: AccessUnit) -> None:
        self._pre_roll.add(access_unit)
        if self._session is None:
            return
        with self._failing("write"):
            recorded = self._session.add(access_unit)
            if self._session.complete:
                self.end(None)
                return
            self.counters.recorded += recorded
            self.counters.skipped += not recorded
            self.status = self._session.status()

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        """End the recording if the disk or the format refuses."""
        try:
            yield
        except (OSError, RecordingError) as error:
            self.end(f"cannot {what} {self.status.filename}: {reason_of(error)}")
