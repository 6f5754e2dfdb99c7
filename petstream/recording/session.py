"""One recording: which access units go in, at what time, and into which file.

Strategy: an IDR gate in front, so that a file begins with an IDR and nothing refers to what is
missing; a count of what is missing from the reader's running numbers, so that a loss anywhere
in front is seen; one writer at a time, replaced at an IDR when its format cannot go on or its file
is long enough.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from petstream.errors import RecordingError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.gop import IdrGate
from petstream.recording.directory import RecordingDirectory, reason_of
from petstream.recording.limits import NO_LIMITS, Limits
from petstream.recording.mp4 import Mp4Writer
from petstream.recording.names import RecordingFormat
from petstream.recording.raw import RawWriter
from petstream.recording.recording_file import RecordingFile
from petstream.recording.status import RecordingStatus
from petstream.recording.writer import SampleClock, SampleTime, Writer
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["Session"]

# A camera may use up this many running numbers for slots with nothing but an SPS or a PPS; where
# the stream goes on without a discontinuity, so few are not taken for a loss.
HEADER_SLOTS_MAX: Final = 2
FILES_NAMED: Final = 100  # of a recording in segments, the newest

WRITERS: dict[RecordingFormat, Callable[[RecordingFile], Writer]] = {
    RecordingFormat.H264: RawWriter,
    RecordingFormat.MP4: Mp4Writer,
}


class Session:
    """A recording from its first file's creation to its last file's close (recorder thread only).

    ``add`` and ``maintain`` raise OSError or RecordingError; the owner then calls ``finish`` with
    the reason.

    Attributes:
        complete: it is as long as it may be; the owner then calls ``finish``.
    """

    def __init__(
        self,
        directory: RecordingDirectory,
        recording_format: RecordingFormat,
        utc_now: Callable[[], datetime],
        limits: Limits = NO_LIMITS,
    ) -> None:
        """Make the first file.

        Raises:
            NoSpaceError, RecordingError: it cannot be made.
        """
        self._directory = directory  # ours from here on, if nothing is raised
        self._format = recording_format
        self._utc_now = utc_now
        self._limits = limits
        self.complete = False
        self._begin = utc_now()
        self._clock = SampleClock()
        self._gate = IdrGate()
        self._taken = 0  # access units given to writers
        self._dropped = 0  # missing between two that were taken
        self._last_taken = 0  # running number of the newest taken
        self._last_seen = 0  # running number of the newest that came in
        self._frames_before = 0  # in the files before the present one
        self._bytes_before = 0
        self._end_ticks = 0
        self._file_ticks: int | None = None  # the time of the present file's first access unit
        self._files: deque[str] = deque(maxlen=FILES_NAMED)
        self._file, self._writer = self._open_file(self._begin)

    def add(self, access_unit: AccessUnit) -> bool:
        """Take the next access unit; False if it is left out."""
        if not self._gate.admit(access_unit):
            self._last_seen = access_unit.sequence
            return False
        time = self._clock.next(access_unit)
        if self._limits.reached(time.ticks):
            self.complete = True
            return False
        self._count(access_unit)
        if self._wants_new_file(access_unit, time):
            self._next_file()
        if self._file_ticks is None:
            self._file_ticks = time.ticks
        self._writer.write(access_unit, time)
        return True

    def skip(self, access_unit: AccessUnit) -> None:
        """Count an access unit that there is no time to write; nothing is added after it."""
        self._last_seen = access_unit.sequence

    def maintain(self) -> None:
        """Put the file on the disk, and see that it is still where it belongs."""
        self._writer.sync()
        self._directory.check(self._file)

    def status(self, *, recording: bool = True, error: str | None = None) -> RecordingStatus:
        """The figures now."""
        frame_count = self._frames_before + self._writer.frame_count
        missing = self._dropped
        if not recording and self._taken:
            missing += max(0, self._last_seen - self._last_taken) + self._taken - frame_count
        end_ticks = self._writer.end_ticks or self._end_ticks
        return RecordingStatus(
            recording=recording,
            filename=self._file.name,
            frame_count=frame_count,
            bytes_written=self._bytes_before + self._writer.bytes_written,
            duration_ms=(end_ticks * 1000 + CLOCK_RATE // 2) // CLOCK_RATE,
            start_time=self._begin,
            format=self._format.value,
            error=error,
            dropped=missing,
            files=tuple(self._files),
        )

    def finish(self, error: str | None = None) -> RecordingStatus:
        """Close the file and let go of the directory; never raises for a disk that fails.

        Args:
            error: why the recording ends, if it does not end because it was asked to.
        """
        try:
            self._close_file()
        except (OSError, RecordingError) as late:
            error = error or f"cannot finish {self._file.name}: {reason_of(late)}"
        finally:
            self._directory.close()
        return self.status(recording=False, error=error)

    def discard(self) -> None:
        """End a recording nobody knows of, and leave no trace of it."""
        self._directory.remove(self._file.name)
        self.finish()

    def _count(self, access_unit: AccessUnit) -> None:
        """Count the access unit, and what is missing in front of it."""
        left_out = self._last_seen != self._last_taken
        if self._taken:
            gap = access_unit.sequence - self._last_taken - 1
            if gap > HEADER_SLOTS_MAX or left_out or access_unit.discontinuity:
                self._dropped += max(0, gap)
        self._last_seen = self._last_taken = access_unit.sequence
        self._taken += 1

    def _wants_new_file(self, access_unit: AccessUnit, time: SampleTime) -> bool:
        if self._file_ticks is None or not access_unit.is_idr:
            return False
        full = self._limits.segment_full(time.ticks - self._file_ticks)
        return full or not self._writer.fits(access_unit)

    def _open_file(self, begin: datetime) -> tuple[RecordingFile, Writer]:
        file = self._directory.create(begin, self._format)
        self._files.append(file.name)
        return file, WRITERS[self._format](file)

    def _next_file(self) -> None:
        self._close_file()
        before = self._writer
        self._file, self._writer = self._open_file(self._utc_now())
        self._frames_before += before.frame_count
        self._bytes_before += before.bytes_written
        self._end_ticks = before.end_ticks
        self._file_ticks = None

    def _close_file(self) -> None:
        try:
            self._writer.finish()
        finally:
            self._writer.close()
