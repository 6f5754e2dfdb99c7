"""Every system call that recording makes, in one place.

Strategy: a thin object between this package and ``os``, so that a test can make the n-th call fail,
or keep a log of writes and syncs, while all other calls stay real.
"""

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Final

__all__ = ["SYSCALLS", "Syscalls"]

LOCK_ATTEMPTS: Final = 20


class Syscalls:
    """Calls of ``os`` under their own names; all raise OSError."""

    def mkdir(self, path: Path, mode: int) -> None:
        """Make a directory and its parents; no error if it is there."""
        path.mkdir(mode=mode, parents=True, exist_ok=True)

    def open(self, path: str | Path, flags: int, mode: int, dir_fd: int | None) -> int:
        """Open ``path``, relative to ``dir_fd`` if given."""
        return os.open(path, flags, mode, dir_fd=dir_fd)

    def lock(self, fd: int) -> None:
        """Keep others from taking the file for one that nobody writes; BlockingIOError if one does.

        Lasts until the file is closed. Somebody who only looks holds it for a moment.
        """
        for _ in range(LOCK_ATTEMPTS):
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.001)
        raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write some of ``data`` and return how much."""
        return os.write(fd, data)

    def ftruncate(self, fd: int, size: int) -> None:
        """Cut the file to ``size`` bytes."""
        os.ftruncate(fd, size)

    def fdatasync(self, fd: int) -> None:
        """Put the file's bytes and size on the disk."""
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """Put a directory's entries on the disk."""
        os.fsync(fd)

    def close(self, fd: int) -> None:
        """Close the descriptor, which is gone even if this raises."""
        os.close(fd)

    def fstat(self, fd: int) -> os.stat_result:
        """What the descriptor refers to."""
        return os.fstat(fd)

    def stat(self, path: str | Path, dir_fd: int | None) -> os.stat_result:
        """What the path leads to; a last link is followed only without ``dir_fd``."""
        return os.stat(path, dir_fd=dir_fd, follow_symlinks=dir_fd is None)

    def fstatvfs(self, fd: int) -> os.statvfs_result:
        """The file system the descriptor is on."""
        return os.fstatvfs(fd)

    def writable(self, path: Path) -> bool:
        """Files can be made in this directory by this process."""
        return os.access(path, os.W_OK | os.X_OK)

    def unlink(self, name: str, dir_fd: int) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=dir_fd)


SYSCALLS: Final = Syscalls()
