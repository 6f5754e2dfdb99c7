"""One POSIX shared-memory object, open for reading.

Strategy: open(2) on /dev/shm, which is what shm_open does, so that the flags are ours: read-only,
no symbolic link followed, and no waiting for the other end if somebody put a FIFO there. Nothing
is mapped: a truncated object then gives a short read, where a mapping would give SIGBUS. Every
obstacle becomes a SegmentError with a stable reason.
"""

import errno
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from petstream.errors import ConfigError, SegmentError

from .layout import RING_SIZE

__all__ = ["SHM_DIRECTORY", "Segment", "check_segment_name"]

SHM_DIRECTORY: Final = Path("/dev/shm")

_LATER_RING_SIZE: Final = 93_314_112  # the ring of a later daemon, with other offsets

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_REASONS: Final = {
    errno.ENOENT: "missing",
    errno.EACCES: "no_permission",
    errno.EPERM: "no_permission",
    errno.ELOOP: "not_a_segment",
    errno.ENXIO: "not_a_segment",
}

_NEXT_STEPS: Final = {
    "missing": "start the camera daemon",
    "no_permission": "let this user read it",
    "not_a_segment": "remove it, the camera daemon makes its own",
}


def check_segment_name(name: str) -> str:
    """Return the file name under /dev/shm of a segment such as ``/pet_camera_stream``.

    Raises:
        ConfigError: the name is empty, too long, or would lead out of /dev/shm.
    """
    base = name.removeprefix("/")
    if not base or base in {".", ".."} or "/" in base or "\0" in base:
        raise ConfigError(f"bad segment name {name!r}: use one slash and a file name")
    if len(os.fsencode(base)) > 255:
        raise ConfigError(f"segment name of {len(base)} characters is too long: maximum is 255")
    return base


class Segment:
    """An open segment of a known size. One thread uses it.

    Attributes:
        name: as given, with the slash.
        size: what the layout says it has to be, bytes.
    """

    def __init__(self, name: str, size: int) -> None:
        """Open the segment and check what it is.

        Raises:
            SegmentError: reason ``missing``, ``no_permission``, ``not_a_segment``, ``empty``,
                ``wrong_size`` or ``io_error``.
            ConfigError: the name is no segment name.
        """
        self.name = name
        self.size = size
        self._path = SHM_DIRECTORY / check_segment_name(name)
        try:
            self._fd = os.open(self._path, _FLAGS)
        except OSError as error:
            raise self._os_error("open", error) from error
        try:
            self.check_size()
        except SegmentError:
            self.close()
            raise

    def pread(self, length: int, offset: int) -> bytes:
        """Copy bytes out.

        Raises:
            SegmentError: reason ``truncated`` or ``io_error``.
        """
        try:
            data = os.pread(self._fd, length, offset)
        except OSError as error:
            raise self._os_error("read", error) from error
        if len(data) != length:
            raise SegmentError(
                "truncated",
                f"segment {self.name} ended at byte {offset + len(data)}, expected "
                f"{self.size} bytes: waiting for it to be re-created",
            )
        return data

    def check_size(self) -> os.stat_result:
        """Compare kind and size with the layout; returns what fstat said."""
        try:
            status = os.fstat(self._fd)
        except OSError as error:
            raise self._os_error("stat", error) from error
        if not stat.S_ISREG(status.st_mode):
            raise SegmentError("not_a_segment", f"{self._path} is not a shared-memory segment")
        if status.st_size == 0:
            raise SegmentError(
                "empty", f"segment {self.name} has 0 bytes, expected {self.size}: still being made"
            )
        if status.st_size != self.size:
            hint = " (the layout of a later daemon)" if self._is_later(status.st_size) else ""
            raise SegmentError(
                "wrong_size",
                f"segment {self.name} has {status.st_size} bytes{hint}, expected {self.size}: "
                "run the daemon that matches this server",
            )
        return status

    def check_identity(self) -> bool:
        """Whether the name still leads to this very segment.

        Returns:
            False if the name leads nowhere; the segment goes on to work for those who have it.

        Raises:
            SegmentError: reason ``replaced`` if the name leads to another one.
        """
        mine = self.check_size()
        try:
            named = self._path.lstat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._os_error("stat", error) from error
        if (named.st_dev, named.st_ino) != (mine.st_dev, mine.st_ino):
            raise SegmentError(
                "replaced",
                f"segment {self.name} was re-created (inode {mine.st_ino}, now {named.st_ino}): "
                "attaching to the new one",
            )
        return True

    def is_unlinked(self) -> bool:
        """Whether the segment has no name left; checks the size too, as one call tells both."""
        return self.check_size().st_nlink == 0

    def close(self) -> None:
        """Close the descriptor; more than once does no harm."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _is_later(self, size: int) -> bool:
        return self.size == RING_SIZE and size == _LATER_RING_SIZE

    def _os_error(self, call: str, error: OSError) -> SegmentError:
        reason = _REASONS.get(error.errno or 0, "io_error")
        advice = _NEXT_STEPS.get(reason, "see the system log")
        return SegmentError(
            reason, f"cannot {call} segment {self.name}: {error.strerror}: {advice}"
        )
