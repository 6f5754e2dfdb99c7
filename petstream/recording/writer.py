"""What a recording format has to offer, and the time of a sample."""

from dataclasses import dataclass
from typing import Final, Protocol

from petstream.h264.access_unit import AccessUnit
from petstream.rtp.timeline import CLOCK_RATE, Timeline

__all__ = ["SampleClock", "SampleTime", "Writer"]

INTERVAL_MAX: Final = CLOCK_RATE  # a longer pause is a stall of the camera and not its frame rate
INTERVAL_UNKNOWN: Final = CLOCK_RATE // 30  # of a single access unit whose SPS does not say


@dataclass(frozen=True, slots=True)
class SampleTime:
    """When an access unit is shown.

    Attributes:
        ticks: 90 kHz ticks since the first access unit of the recording, strictly rising.
        interval: ticks for which it is shown, should it be the last one.
    """

    ticks: int
    interval: int

    @property
    def end(self) -> int:
        """When the recording is over, should it be the last one."""
        return self.ticks + self.interval


class SampleClock:
    """Times for the access units of one recording, from their capture times."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        self._last_ticks: int | None = None
        self._interval = INTERVAL_UNKNOWN

    def next(self, access_unit: AccessUnit) -> SampleTime:
        """The time of the next access unit."""
        ticks = self._timeline.ticks(access_unit.capture_ns, access_unit.read_ns)
        if self._last_ticks is None:
            self._interval = _nominal_interval(access_unit)
        elif ticks - self._last_ticks <= INTERVAL_MAX:
            self._interval = ticks - self._last_ticks
        self._last_ticks = ticks
        return SampleTime(ticks, self._interval)


def _nominal_interval(access_unit: AccessUnit) -> int:
    sets = access_unit.parameter_sets
    frame_rate = sets.parsed.frame_rate if sets is not None else None
    if not frame_rate:
        return INTERVAL_UNKNOWN
    return max(1, min(INTERVAL_MAX, round(CLOCK_RATE / frame_rate)))


class Writer(Protocol):
    """One file of a recording (recorder thread only).

    ``write``, ``sync``, ``finish`` and ``close`` raise OSError, or RecordingError where the format
    refuses; the file then still ends with a whole access unit.
    """

    @property
    def frame_count(self) -> int:
        """Access units that are in the file, whole."""

    @property
    def bytes_written(self) -> int:
        """Size of the file."""

    @property
    def end_ticks(self) -> int:
        """When the last of these access units ends; 0 if there is none."""

    def fits(self, access_unit: AccessUnit) -> bool:
        """Whether this access unit can follow in the same file."""

    def write(self, access_unit: AccessUnit, time: SampleTime) -> None:
        """Take the next access unit; a format may keep it for up to a second."""

    def sync(self) -> None:
        """Put what is in the file on the disk."""

    def finish(self) -> None:
        """Write what was kept, and put all on the disk."""

    def close(self) -> None:
        """Close the file as it is, marked as not written any more if the disk takes that."""
