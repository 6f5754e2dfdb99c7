"""The recorder: one thread that writes, and calls from any thread that it answers.

Strategy: everything that touches a file happens in the recorder thread, in ``run``, so that start,
stop and writing cannot race. ``start`` and ``stop`` travel there through a mailbox and come back
with an answer or a time-out; ``status`` reads the snapshot the thread last left. A disk that hangs
therefore holds up this thread alone; what piles up meanwhile in front of it, the source drops by
whole GOPs.
"""

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from petstream.errors import BadRecordingRequestError, NotRecordingError, UnavailableError
from petstream.recording.engine import Engine, RecorderCounters, Source
from petstream.recording.limits import NO_LIMITS, Limits
from petstream.recording.mailbox import Mailbox
from petstream.recording.names import RecordingFormat
from petstream.recording.pre_roll import PreRoll
from petstream.recording.status import RecordingStatus
from petstream.recording.syscalls import SYSCALLS, Syscalls

__all__ = ["Recorder"]

POLL_S: Final = 0.25  # how soon the thread sees its stop event, and the second that is over
MIN_FREE_BYTES: Final = 256 * 1024  # an IDR of 1080p; with less, a recording would end at once


class Recorder:
    """Records access units to files in one directory.

    ``run`` belongs to the recorder thread; all other methods may be called from any thread.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        pre_roll_s: float = 0.0,
        pre_roll_max_s: float = 30.0,
        pre_roll_max_bytes: int = 64 * 2**20,
        min_free_bytes: int = MIN_FREE_BYTES,
        limits: Limits = NO_LIMITS,
        no_room: Callable[[], str | None] = lambda: None,
        answer_timeout_s: float = 5.0,
        clock: Callable[[], int] = time.monotonic_ns,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
        syscalls: Syscalls = SYSCALLS,
    ) -> None:
        """Make it; nothing is opened, and memory is used only as access units come in.

        Args:
            directory: where recordings go; made with the first one if it is missing.
            pre_roll_s: what ``start`` takes when it is not told otherwise.
            pre_roll_max_s: how far back a recording may begin; 0 keeps nothing in memory.
            pre_roll_max_bytes: bound of the memory for it.
            min_free_bytes: with less space than this, ``start`` is refused.
            limits: how long a recording and its files may become.
            no_room: asked every second of a recording by the recorder thread; must not wait. A text
                says why there is no room to go on, and ends the recording.
            answer_timeout_s: how long ``start`` and ``stop`` wait for the recorder thread.
            clock: nanoseconds of CLOCK_MONOTONIC.
            utc_now: the time for names and ``start_time``, aware.
            syscalls: the way to the file system.
        """
        self.directory = Path(directory)
        self._default_pre_roll_s = pre_roll_s
        self._pre_roll_max_s = pre_roll_max_s
        self._answer_timeout_s = answer_timeout_s
        self._clock = clock
        self._mailbox = Mailbox[RecordingStatus]("the recorder")
        self._closed = False
        self._engine = Engine(
            self.directory,
            PreRoll(max_ns=int(pre_roll_max_s * 1e9), max_bytes=pre_roll_max_bytes),
            min_free_bytes=min_free_bytes,
            limits=limits,
            no_room=no_room,
            clock=clock,
            utc_now=utc_now,
            syscalls=syscalls,
        )

    def start(self, format: str = "h264", pre_roll_s: float | None = None) -> RecordingStatus:
        """Begin a recording; it may have to wait for its first IDR.

        Args:
            format: ``h264`` or ``mp4``.
            pre_roll_s: how many seconds before now it begins, with the newest IDR at or before that
                point; or later, if memory does not reach back so far.

        Returns:
            The status: recording, with the file's name.

        Raises:
            BadRecordingRequestError, AlreadyRecordingError, NoSpaceError, RecordingError
            UnavailableError: the recorder thread does not answer; nothing is recorded then.
        """
        wanted = self._check_format(format)
        seconds = self._check_pre_roll(pre_roll_s)
        since_ns = self._clock() - int(seconds * 1e9) if seconds else None
        if self._closed:
            raise UnavailableError("the recorder is closed")
        return self._ask(lambda: self._engine.start(wanted, since_ns), undo=self._engine.undo_start)

    def stop(self) -> RecordingStatus:
        """End the recording: write what has come in so far, close the file, put it on the disk.

        Returns:
            The finished recording's figures, which ``status`` keeps.

        Raises:
            NotRecordingError
            UnavailableError: the recorder thread does not answer; the recording may end later.
        """
        asked_ns = self._clock()
        return self._ask(lambda: self._engine.stop(asked_ns))

    def status(self) -> RecordingStatus:
        """The present or last recording's figures; never waits."""
        return self._engine.status

    @property
    def counters(self) -> RecorderCounters:
        """Counts since the start."""
        return self._engine.counters

    def close(self, timeout_s: float = 5.0) -> bool:
        """End a running recording and begin no other.

        Returns:
            False if the recorder thread did not answer in time.
        """
        self._closed = True
        asked_ns = self._clock()
        try:
            self._ask(lambda: self._engine.stop(asked_ns), timeout_s=timeout_s)
        except NotRecordingError:
            return True
        except UnavailableError:
            return not self.status().recording
        return True

    def run(self, source: Source, stop: threading.Event) -> None:
        """The recorder thread's loop; ends the recording when it returns, and when it raises.

        Args:
            source: where access units come from.
            stop: set to make it return, within 0.25 s.
        """
        self._engine.attach(source)
        self._mailbox.open()
        try:
            while not stop.is_set():
                self._mailbox.serve()
                if not self._engine.step(POLL_S) and self.status().recording:
                    stop.wait(0.001)  # a closed source answers at once, for ever
            if self.status().recording:
                self._engine.stop(self._clock())
            self._mailbox.refuse()
        except BaseException as error:
            self._engine.end(f"the recorder thread failed: {error!r}")
            raise

    def _check_format(self, wanted: str) -> RecordingFormat:
        try:
            return RecordingFormat(wanted)
        except ValueError:
            known = " or ".join(RecordingFormat)
            raise BadRecordingRequestError(f"format is {wanted!r}, not {known}") from None

    def _check_pre_roll(self, asked_s: float | None) -> float:
        seconds = self._default_pre_roll_s if asked_s is None else asked_s
        if not math.isfinite(seconds) or not 0 <= seconds <= self._pre_roll_max_s:
            raise BadRecordingRequestError(
                f"pre_roll_s is {seconds:g}, not within 0 and {self._pre_roll_max_s:g}"
            )
        return seconds

    def _ask(
        self,
        action: Callable[[], RecordingStatus],
        undo: Callable[[], None] = lambda: None,
        timeout_s: float | None = None,
    ) -> RecordingStatus:
        return self._mailbox.ask(
            action,
            undo=undo,
            wake=self._engine.wake,
            timeout_s=self._answer_timeout_s if timeout_s is None else timeout_s,
        )
