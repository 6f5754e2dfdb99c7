"""A file that takes each piece whole, or not at all.

Strategy: no buffer of ours, so that what was appended survives the process; one write() a piece;
what a failed write left behind is cut off again, so that the file always ends where a piece ends.
"""

import contextlib
import errno

from petstream.recording.syscalls import Syscalls

__all__ = ["OutputFile"]


class OutputFile:
    """A new file, opened for appending (recorder thread only).

    Attributes:
        name: its name within the recording directory.
        size: bytes appended, all of them whole pieces.
    """

    def __init__(self, fd: int, name: str, syscalls: Syscalls) -> None:
        self.fd = fd
        self.name = name
        self.size = 0
        self._syscalls = syscalls
        self._failed = False  # a write failed
        self._torn = False  # a part of a piece may stand behind ``size``
        self._dirty = False  # something was appended since the last sync
        self._closed = False

    def append(self, piece: bytes) -> None:
        """Append all of ``piece``, or raise OSError with the file as it was, and for good.

        After one error nothing more is taken, so that the file has no gap in its middle.
        """
        if self._failed or self._closed:
            raise OSError(errno.EBADF, f"{self.name} is closed or has failed before")
        try:
            self._write_all(piece)
        except OSError:
            self._failed = self._torn = True
            with contextlib.suppress(OSError):  # the first error is the one to tell
                self._cut_back()
            raise
        self.size += len(piece)
        self._dirty = True

    def sync(self) -> bool:
        """Put everything appended on the disk; False if it is there already."""
        if not self._dirty or self._closed:
            return False
        self._syscalls.fdatasync(self.fd)
        self._dirty = False
        return True

    def close(self) -> None:
        """Close the descriptor; raises OSError if the system has a late complaint, once."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._torn:
                self._cut_back()
        finally:
            self._syscalls.close(self.fd)

    def _write_all(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            try:
                count = self._syscalls.write(self.fd, rest)
            except InterruptedError:
                continue
            if count == 0:
                raise OSError(errno.EIO, f"write took 0 of {len(rest)} bytes")
            rest = rest[count:]

    def _cut_back(self) -> None:
        self._syscalls.ftruncate(self.fd, self.size)
        self._torn = False
