"""A shared-memory segment opened for writing: made, or taken over, mapped, and unlinked again.

Strategy: the same calls that shm_open(3) makes, on a directory that can be named. The pages are
reserved before anything is mapped. A full /dev/shm is then an error with a message; a mapping
of pages that do not exist would be SIGBUS in the middle of a copy.

A segment of the right size that is already there is taken over with all that stands in it, and
stays when it is closed. Only a segment made here is unlinked, and only while its name still
leads to it. A lock keeps out a second writer of this kind; the kernel drops it with the process.
"""

import errno
import fcntl
import mmap
import os
import stat
from pathlib import Path
from typing import Final

from petstream.errors import SegmentError
from petstream.shm.segment import SHM_DIRECTORY, check_segment_name

__all__ = ["WritableSegment"]

_MODE: Final = 0o666  # as the daemon asks for; the umask takes away from it


class WritableSegment:
    """One segment of exactly ``size`` bytes, mapped for reading and writing.

    Attributes:
        name: with its leading slash.
        created: it was made here, so ``close`` unlinks it.
        map: the mapping; whoever takes a view of it lets go before ``close``.
    """

    def __init__(
        self,
        name: str,
        size: int,
        *,
        directory: Path = SHM_DIRECTORY,
        take_over: bool = False,
    ) -> None:
        """Open the segment, and make it if there is none.

        Args:
            name: with its leading slash.
            size: bytes it has to have.
            directory: where segments lie.
            take_over: one that is there counts as made here, so that ``close`` unlinks it.

        Raises:
            SegmentError: the segment there has another size, may not be opened or has a writer,
                or there is no memory for it.
            ConfigError: the name is no segment name.
        """
        self.name = name
        self._path = directory / check_segment_name(name)
        self._fd, self.created = _open(self._path, name)
        try:
            self._lock()
            self._reserve(size)
            self.map = mmap.mmap(self._fd, size)
        except BaseException:
            self._release()
            raise
        self.created |= take_over

    def close(self, *, leave: bool = False) -> None:
        """Unmap it, and unlink it if it was made here; a second call does nothing.

        Args:
            leave: do not unlink it, as when the process dies.
        """
        if self._fd >= 0:
            self.created &= not leave
            self.map.close()
            self._release()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SegmentError(
                "in_use", f"segment {self.name} has a writer already; stop it or use another name"
            ) from None

    def _reserve(self, size: int) -> None:
        found = os.fstat(self._fd).st_size
        if not self.created and found != size:
            raise SegmentError(
                "wrong_size",
                f"segment {self.name} has {found} bytes, the layout of this version {size};"
                f" remove {self._path} if nothing uses it",
            )
        try:
            os.posix_fallocate(self._fd, 0, size)
        except OSError as error:
            free = os.fstatvfs(self._fd)
            raise SegmentError(
                "no_space",
                f"no memory for segment {self.name}: {size} bytes needed,"
                f" {free.f_bavail * free.f_frsize} free in {self._path.parent}"
                f" ({os.strerror(error.errno or errno.EIO)})",
            ) from error

    def _release(self) -> None:
        try:
            if self.created and self._is_ours():
                self._path.unlink(missing_ok=True)  # somebody may do so at the same moment
        finally:
            os.close(self._fd)
            self._fd = -1

    def _is_ours(self) -> bool:
        try:
            there = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._fd))


def _open(path: Path, name: str) -> tuple[int, bool]:
    """The open segment, and whether it was made by this call."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            fd, created = os.open(path, flags | os.O_CREAT | os.O_EXCL, _MODE), True
        except FileExistsError:
            fd, created = os.open(path, flags), False
    except OSError as error:
        raise SegmentError(
            "unavailable", f"cannot open segment {name} for writing: {error.strerror} ({path})"
        ) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SegmentError("unavailable", f"segment {name} is not a regular file ({path})")
    return fd, created
