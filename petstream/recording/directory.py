"""Where recordings are made, and the watch over a file while it is written.

Strategy: the directory is held open during a recording and files are made relative to that
descriptor, exclusively, so that no link and no second recorder can lead elsewhere or overwrite.
Whether path and name still lead to what is open is asked every second, because writing to a file
that somebody removed succeeds for ever.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from petstream.errors import ConfigError, NoSpaceError, RecordingError
from petstream.recording.names import NameSequence, RecordingFormat
from petstream.recording.output import OutputFile
from petstream.recording.recording_file import RecordingFile
from petstream.recording.sidecar import SUFFIX
from petstream.recording.syscalls import SYSCALLS, Syscalls

__all__ = ["NO_SPACE", "RecordingDirectory", "check_directory", "reason_of"]

Result = TypeVar("Result")

DIRECTORY_MODE: Final = 0o750
FILE_MODE: Final = 0o640
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
CREATE_FILE: Final = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
)
# Whoever made the file owns the name; a sidecar that a removed one left behind is no obstacle.
CREATE_SIDECAR: Final = CREATE_FILE & ~os.O_EXCL | os.O_TRUNC


def reason_of(error: Exception) -> str:
    """An error in words for a message: the system's own for an OSError."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)


def check_directory(path: Path, syscalls: Syscalls = SYSCALLS) -> None:
    """Make the directory if it is missing and see that files can be made in it.

    Raises:
        ConfigError: it cannot be made, or not be written to.
    """
    try:
        syscalls.mkdir(path, DIRECTORY_MODE)
    except OSError as error:
        raise ConfigError(f"cannot make record path {path}: {reason_of(error)}") from error
    if not syscalls.writable(path):
        raise ConfigError(f"record path {path} is not writable; choose another with -record-path")


class RecordingDirectory:
    """The directory, open for one recording (recorder thread only)."""

    def __init__(self, path: Path, names: NameSequence, syscalls: Syscalls) -> None:
        """Open it, made anew if it is missing.

        Raises:
            NoSpaceError, RecordingError: it cannot be made or opened.
        """
        self.path = path
        self._names = names
        self._syscalls = syscalls
        self._fd = self._attempt("open", self._open)

    def create(self, begin: datetime, recording_format: RecordingFormat) -> RecordingFile:
        """A new empty file with its sidecar, whose directory entries are on the disk.

        Raises:
            NoSpaceError, RecordingError: it cannot be made.
        """
        return self._attempt("make a file in", lambda: self._create(begin, recording_format))

    def require_space(self, min_free_bytes: int) -> None:
        """Raise NoSpaceError unless so much is free."""
        space = self._attempt("ask for the space in", lambda: self._syscalls.fstatvfs(self._fd))
        free_bytes = space.f_bavail * space.f_frsize
        # Some file systems do not count blocks; those are tried and not judged.
        if space.f_blocks and free_bytes < min_free_bytes:
            raise NoSpaceError(
                f"{free_bytes} bytes are free in {self.path}, {min_free_bytes} are needed; "
                "delete recordings"
            )

    def check(self, file: RecordingFile) -> None:
        """Raise RecordingError or OSError if ``file`` is no longer to be found where it belongs."""
        if not self._same(self.path, None, self._fd):
            raise RecordingError(f"directory {self.path} was removed or replaced")
        if not self._same(file.name, self._fd, file.fd):
            raise RecordingError(f"{file.name} was removed or replaced")
        if not self._syscalls.writable(self.path):
            raise RecordingError(f"directory {self.path} has become read-only")

    def remove(self, name: str) -> None:
        """Remove a file that nobody shall find, and its sidecar."""
        for each in (name, name + SUFFIX):
            with contextlib.suppress(OSError):
                self._syscalls.unlink(each, self._fd)

    def close(self) -> None:
        """Let go of the directory."""
        with contextlib.suppress(OSError):  # nothing was written through this descriptor
            self._syscalls.close(self._fd)

    def _open(self) -> int:
        self._syscalls.mkdir(self.path, DIRECTORY_MODE)
        return self._syscalls.open(self.path, OPEN_DIRECTORY, 0, None)

    def _create(self, begin: datetime, recording_format: RecordingFormat) -> RecordingFile:
        for name in self._names.candidates(begin, recording_format):
            try:
                fd = self._syscalls.open(name, CREATE_FILE, FILE_MODE, self._fd)
            except FileExistsError:
                continue
            with contextlib.ExitStack() as undo:
                undo.callback(self.remove, name)
                data = self._output(fd, name, undo)
                with contextlib.suppress(OSError):  # not every file system has locks
                    self._syscalls.lock(fd)
                sidecar_name = name + SUFFIX
                fd = self._syscalls.open(sidecar_name, CREATE_SIDECAR, FILE_MODE, self._fd)
                file = RecordingFile(data, self._output(fd, sidecar_name, undo), begin)
                self._syscalls.fsync(self._fd)
                undo.pop_all()
            return file
        raise RecordingError(f"no free name for {begin:%Y-%m-%d %H:%M:%S} in {self.path}")

    def _output(self, fd: int, name: str, undo: contextlib.ExitStack) -> OutputFile:
        output = OutputFile(fd, name, self._syscalls)

        def close() -> None:
            with contextlib.suppress(OSError):  # what made us give up is the error to tell
                output.close()

        undo.callback(close)
        return output

    def _same(self, path: str | Path, dir_fd: int | None, fd: int) -> bool:
        try:
            there = self._syscalls.stat(path, dir_fd)
        except (FileNotFoundError, NotADirectoryError):
            return False
        here = self._syscalls.fstat(fd)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def _attempt(self, what: str, action: Callable[[], Result]) -> Result:
        try:
            return action()
        except OSError as error:
            kind = NoSpaceError if error.errno in NO_SPACE else RecordingError
            raise kind(f"cannot {what} {self.path}: {reason_of(error)}") from error
