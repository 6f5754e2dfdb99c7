"""What the catalogue tells of one recording."""

import enum
import fcntl
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from petstream.recording.names import RecordingFormat, parse_name
from petstream.recording.sidecar import SUFFIX, Flags, Record
from petstream.recording.sidecar_file import SidecarFile, open_for_reading
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["WRITE_BITS", "Entry", "State", "is_being_written", "read_entry"]

LOOKS_MAX: Final = 5
# A recording whose file nobody may write to is protected: `chmod a-w` and `ls -l` say the same.
WRITE_BITS: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class State(enum.StrEnum):
    """What has become of a recording."""

    RECORDING = "recording"  # some process is writing it
    FINISHED = "finished"
    RECOVERED = "recovered"  # a crash had left it open; it is whole up to its end
    DAMAGED = "damaged"  # it ends elsewhere than its sidecar says, or has nothing that plays


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording, as it was when it was looked at.

    Attributes:
        name: of its file.
        start_time: when the file was made, UTC.
        duration_ms: from its first access unit to the end of its last.
        size_bytes: of the file.
        frame_count: access units in it.
        format: ``h264`` or ``mp4``.
        state: see State.
        protected: neither a quota nor DELETE removes it.
        disk_bytes: of the file and its sidecar.
        is_closed: its sidecar says that nobody writes it any more.
    """

    name: str
    start_time: datetime
    duration_ms: int
    size_bytes: int
    frame_count: int
    format: RecordingFormat
    state: State
    protected: bool
    disk_bytes: int
    is_closed: bool

    def to_json(self) -> dict[str, Any]:
        """The object of GET /recordings."""
        return {
            "name": self.name,
            "start_time": f"{self.start_time:%Y-%m-%dT%H:%M:%SZ}",
            "duration_ms": self.duration_ms,
            "size_bytes": self.size_bytes,
            "frame_count": self.frame_count,
            "format": self.format.value,
            "state": self.state.value,
            "protected": self.protected,
        }


def read_entry(directory: Path, name: str) -> Entry | None:
    """The recording of that name; None if there is none, or the name is none of ours.

    Raises:
        OSError: it cannot be read.
    """
    parsed = parse_name(name)
    if parsed is None:
        return None
    begin, recording_format = parsed
    try:
        look = _settled_look(directory / name)
    except FileNotFoundError:
        return None
    is_begun = look.size or look.begin is not None  # its maker is about to lock it
    if not stat.S_ISREG(look.mode) or not is_begun:
        return None
    record = look.record
    return Entry(
        name=name,
        start_time=look.begin or begin,
        duration_ms=0 if record is None else (record.end_ticks * 1000 * 2 // CLOCK_RATE + 1) // 2,
        size_bytes=look.size,
        frame_count=0 if record is None else record.frames,
        format=recording_format,
        state=look.state,
        protected=not look.mode & WRITE_BITS,
        disk_bytes=look.size + _size(directory / (name + SUFFIX)),
        is_closed=look.is_closed,
    )


def is_being_written(path: Path) -> bool:
    """Some process, or this one, has the recording open for writing; OSError if it is not there.

    On a file system without locks nobody can tell, and it is taken for written.
    """
    fd = open_for_reading(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True, slots=True)
class _Look:
    """A file and its sidecar at one moment, or at several that lie close together."""

    mode: int
    size: int
    begin: datetime | None
    record: Record | None
    is_written: bool

    @property
    def is_closed(self) -> bool:
        return self.record is not None and bool(self.record.flags & Flags.END)

    @property
    def state(self) -> State:
        if self.is_written:
            return State.RECORDING
        end = 0 if self.record is None else self.record.end
        flags = Flags.RECOVERED if self.record is None else self.record.flags
        if end != self.size or flags & Flags.DAMAGED:
            return State.DAMAGED
        # A file whose end its recorder could not mark is as good as one that was recovered.
        is_finished = self.is_closed and not flags & Flags.RECOVERED
        return State.FINISHED if is_finished else State.RECOVERED


def _settled_look(path: Path) -> _Look:
    """A look; another one if the file may have been finished in the middle of it."""
    look = _look(path)
    for _ in range(LOOKS_MAX):
        if look.is_written or look.state is State.FINISHED:
            break
        before, look = look, _look(path)
        if look == before:
            break
    return look


def _look(path: Path) -> _Look:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return _Look(found.st_mode, 0, None, None, is_written=False)
    sidecar = SidecarFile.beside(path)
    record = None if sidecar is None else sidecar.last(found.st_size)
    is_open = record is None or not record.flags & Flags.END
    return _Look(
        found.st_mode,
        found.st_size,
        None if sidecar is None else sidecar.header.begin,
        record,
        is_written=is_open and is_being_written(path),
    )
