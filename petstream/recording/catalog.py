"""The recordings in the directory: which there are, and what is in them.

Strategy: the directory and the sidecars in it are the only truth, so that files may come and go by
other hands and a restart loses nothing. What has been read of a closed recording is remembered for
as long as its file is the same. Any thread may call any method; nothing here waits for anybody, but
all of it may wait for the disk.
"""

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from petstream.errors import RecordingInUseError, RecordingProtectedError, UnknownRecordingError
from petstream.recording.entry import WRITE_BITS, Entry, State, read_entry
from petstream.recording.media import FileMedia
from petstream.recording.names import RecordingFormat, parse_name
from petstream.recording.remux import RemuxedMedia, Remuxing, prepare
from petstream.recording.sidecar import SUFFIX
from petstream.recording.sidecar_file import SidecarFile, open_for_reading

__all__ = ["Catalog", "Media"]

Media = FileMedia | RemuxedMedia

REMUXINGS_KEPT: Final = 4
# No type is registered for the byte stream; RFC 6184 registers video/H264 for RTP, and players take
# it for this.
CONTENT_TYPES: Final = {RecordingFormat.H264: "video/H264", RecordingFormat.MP4: "video/mp4"}


class Catalog:
    """A directory of recordings."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._closed: dict[str, Entry] = {}  # as last read
        self._lock = threading.Lock()  # guards _remuxings, and no I/O
        self._remuxings: OrderedDict[str, tuple[int, int, Remuxing]] = OrderedDict()

    def names(self) -> list[str]:
        """Names of all recordings, in no order; OSError if the directory cannot be read."""
        try:
            return [path.name for path in self.directory.iterdir() if parse_name(path.name)]
        except FileNotFoundError:
            return []

    def entries(self, *, fresh: bool = True) -> list[Entry]:
        """All recordings, the newest first; OSError if they cannot be read.

        Args:
            fresh: look at every file; otherwise those known to be closed are taken as known.
        """
        known = {} if fresh else self._closed
        found = [known.get(name) or read_entry(self.directory, name) for name in self.names()]
        entries = [entry for entry in found if entry is not None]
        self._closed = {entry.name: entry for entry in entries if entry.is_closed}
        return sorted(entries, key=lambda entry: (entry.start_time, entry.name), reverse=True)

    def entry(self, name: str) -> Entry:
        """One recording; raises UnknownRecordingError, OSError."""
        found = read_entry(self.directory, name)
        if found is None:
            raise UnknownRecordingError(f"there is no recording {name[:80]!r}")
        return found

    def open(self, name: str, *, as_mp4: bool = False, resumed: bool = False) -> Media:
        """A recording's bytes; to be closed.

        Args:
            name: which.
            as_mp4: a raw one as MP4.
            resumed: the caller has had the beginning, and wants the same bytes although the file
                may have grown.

        Raises:
            UnknownRecordingError, RecordingError, OSError
        """
        parsed = parse_name(name)
        if parsed is None:
            raise UnknownRecordingError(f"there is no recording {name[:80]!r}")
        path = self.directory / name
        try:
            fd = open_for_reading(path)
        except FileNotFoundError:
            raise UnknownRecordingError(f"there is no recording {name!r}") from None
        try:
            if as_mp4 and parsed[1] is RecordingFormat.H264:
                return RemuxedMedia(fd, self._remuxing(path, fd, resumed))
            return FileMedia(fd, CONTENT_TYPES[parsed[1]])
        except BaseException:
            os.close(fd)
            raise

    def remove(self, name: str) -> None:
        """Remove a recording.

        Raises:
            UnknownRecordingError, RecordingInUseError, RecordingProtectedError, OSError
        """
        entry = self.entry(name)
        if entry.protected:
            raise RecordingProtectedError(f"{name} is protected; take the protection off first")
        if entry.state is State.RECORDING:
            raise RecordingInUseError(f"{name} is being written; stop the recording first")
        path = self.directory / name
        path.unlink(missing_ok=True)
        path.with_name(name + SUFFIX).unlink(missing_ok=True)

    def protect(self, name: str, protected: bool) -> Entry:
        """Let nothing remove a recording, or let it go again; also one that is being written.

        Raises:
            UnknownRecordingError, OSError
        """
        self.entry(name)
        path = self.directory / name
        mode = path.lstat().st_mode & 0o777
        path.chmod(mode & ~WRITE_BITS if protected else mode | 0o200)
        self.forget(name)
        return self.entry(name)

    def forget(self, name: str) -> None:
        """Look at the file the next time, whatever was known of it."""
        self._closed.pop(name, None)

    def left_over(self, names: list[str]) -> list[str]:
        """Those of the names whose file a crash left open, or somebody cut short."""
        found = (read_entry(self.directory, name) for name in names)
        return [
            entry.name
            for entry in found
            if entry is not None
            and (not entry.is_closed or (entry.state is State.DAMAGED and entry.frame_count))
            and entry.state is not State.RECORDING
        ]

    def remove_stray_sidecars(self) -> None:
        """Remove sidecars whose recordings somebody removed."""
        try:
            names = {path.name for path in self.directory.iterdir()}
        except FileNotFoundError:
            return
        for name in names:
            recording = name.removesuffix(SUFFIX)
            if recording != name and parse_name(recording) and recording not in names:
                (self.directory / name).unlink(missing_ok=True)

    def _remuxing(self, path: Path, fd: int, resumed: bool) -> Remuxing:
        found = os.fstat(fd)
        with self._lock:
            inode, size, known = self._remuxings.get(path.name, (0, 0, None))
        if known is not None and inode == found.st_ino and (resumed or size == found.st_size):
            return known
        sidecar = SidecarFile.beside(path)
        if sidecar is None:
            raise UnknownRecordingError(f"{path.name} has lost its capture times")
        made = prepare(fd, sidecar.header, sidecar.pieces(found.st_size))
        with self._lock:
            self._remuxings[path.name] = (found.st_ino, found.st_size, made)
            self._remuxings.move_to_end(path.name)
            while len(self._remuxings) > REMUXINGS_KEPT:
                self._remuxings.popitem(last=False)
        return made
