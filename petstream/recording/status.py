"""What /status tells about the running recording, or about the last one."""

import dataclasses
from datetime import datetime
from typing import Any

__all__ = ["RecordingStatus"]


@dataclasses.dataclass(frozen=True, slots=True)
class RecordingStatus:
    """A snapshot; the recorder thread makes a new one, nobody changes one.

    Attributes:
        recording: a recording runs (perhaps still waiting for its first IDR).
        filename: the file being written, or the last one; None before the first recording.
        frame_count: access units in the recording's files, exactly.
        bytes_written: size of the recording's files in bytes.
        duration_ms: from the first access unit's capture to the last one's, plus the frame interval
            for which the last is shown: 1500 access units at 30 fps last 50000 ms.
        start_time: when the recording was started, UTC; the first file's name says the same.
        format: ``h264`` or ``mp4``.
        error: why the recording ended by itself; None if it did not.
        dropped: access units missing in the files between the first and the last one received.
        files: names of the recording's files, in order, the newest 100; several after a change of
            size in MP4, or in segments.
    """

    recording: bool = False
    filename: str | None = None
    frame_count: int = 0
    bytes_written: int = 0
    duration_ms: int = 0
    start_time: datetime | None = None
    format: str = "h264"
    error: str | None = None
    dropped: int = 0
    files: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One word: ``idle``, ``waiting`` for an IDR, ``recording``, ``finished`` or ``error``."""
        if self.recording:
            return "recording" if self.frame_count else "waiting"
        if self.error is not None:
            return "error"
        return "idle" if self.filename is None else "finished"

    def to_json(self) -> dict[str, Any]:
        """The body of GET /status: the six keys of the contract first, the others after them."""
        start = self.start_time
        return {
            "recording": self.recording,
            "filename": self.filename,
            "frame_count": self.frame_count,
            "bytes_written": self.bytes_written,
            "duration_ms": self.duration_ms,
            "start_time": None if start is None else f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "state": self.state,
            "format": self.format,
            "error": self.error,
            "dropped": self.dropped,
            "files": list(self.files),
        }
