"""Raw recordings: the canonical Annex B byte stream, one write() an access unit."""

from petstream.h264.access_unit import AccessUnit
from petstream.recording.recording_file import RecordingFile
from petstream.recording.sidecar import Flags
from petstream.recording.writer import SampleTime

__all__ = ["RawWriter"]


class RawWriter:
    """Writes ``.h264``; a ``writer.Writer``. Killed at any moment, it loses one access unit."""

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._first_sps: tuple[bytes, ...] = ()
        self.frame_count = 0
        self.end_ticks = 0

    @property
    def bytes_written(self) -> int:
        """Size of the file."""
        return self._file.size

    def fits(self, access_unit: AccessUnit) -> bool:  # noqa: ARG002 - the Writer interface
        """Always: a byte stream may change its parameter sets at any IDR (clause 7.4.1.2.1)."""
        return True

    def write(self, access_unit: AccessUnit, time: SampleTime) -> None:
        """Append the access unit."""
        self._file.append(
            access_unit.annexb(),
            ticks=time.ticks,
            end_ticks=time.end,
            frames=self.frame_count + 1,
            flags=self._flags(access_unit),
        )
        self.frame_count += 1
        self.end_ticks = time.end

    def sync(self) -> None:
        """Put what is in the file on the disk."""
        self._file.sync()

    def finish(self) -> None:
        """Put all on the disk; nothing is kept back."""
        self._file.finish()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _flags(self, access_unit: AccessUnit) -> int:
        if not access_unit.is_idr or access_unit.parameter_sets is None:
            return Flags.NONE
        sps = access_unit.parameter_sets.sps
        self._first_sps = self._first_sps or sps
        return Flags.IDR if sps == self._first_sps else Flags.IDR | Flags.OTHER_SPS
