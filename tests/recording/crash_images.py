"""What a disk may hold after a power cut, from a log of writes and syncs.

Strategy: real files are written through ``LoggedSyscalls``, which notes every write and sync in
order. An image is what the disk held at some moment of that log: everything synced by then, and of
each page written since, what was written, zeros, or what the disk held before; a file whose
directory entry was not synced may be missing.
"""

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from petstream.recording.syscalls import Syscalls

__all__ = ["Disk", "LoggedSyscalls"]

PAGE = 4096


@dataclass
class File:
    """A file as the system sees it, and as the disk surely has it."""

    written: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    entry_synced: bool = False


class Disk:
    """The files after a part of the log."""

    def __init__(self, log: list[tuple[str, str, bytes | int]]) -> None:
        self.files: dict[str, File] = {}
        for call, name, argument in log:
            if call == "create":
                self.files[name] = File()
            elif call == "write":
                assert isinstance(argument, bytes)
                self.files[name].written += argument
            elif call == "sync":
                self.files[name].synced = bytes(self.files[name].written)
            elif call == "truncate":
                assert isinstance(argument, int)
                del self.files[name].written[argument:]
            else:
                for file in self.files.values():
                    file.entry_synced = True

    def image(self, directory: Path, moments: random.Random) -> None:
        """Write what the disk may hold."""
        for name, file in self.files.items():
            if file.entry_synced or moments.random() < 0.5:
                (directory / name).write_bytes(_content(file, moments))


def _content(file: File, moments: random.Random) -> bytes:
    size = moments.choice([len(file.synced), len(file.written)])
    size = moments.choice([size, moments.randint(len(file.synced), len(file.written))])
    content = bytearray(file.written[:size])
    first = len(file.synced) // PAGE
    for page in range(first, -(-size // PAGE)):
        begin, end = max(page * PAGE, len(file.synced)), min((page + 1) * PAGE, size)
        fate = moments.choice(["kept", "kept", "zeroed", "stale"])
        if fate == "zeroed":
            content[begin:end] = bytes(end - begin)
        elif fate == "stale":  # also another recording's page, with start codes in it
            content[begin:end] = (bytes(file.written) * 2)[:PAGE].ljust(PAGE)[: end - begin]
    return bytes(content)


class LoggedSyscalls(Syscalls):
    """Real calls, noted."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, bytes | int]] = []
        self._names: dict[int, str] = {}

    def open(self, path: str | Path, flags: int, mode: int, dir_fd: int | None) -> int:
        """Open, and remember the name."""
        fd = super().open(path, flags, mode, dir_fd)
        if flags & os.O_CREAT:
            self._names[fd] = str(path)
            self.log.append(("create", str(path), 0))
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write."""
        count = super().write(fd, data)
        self.log.append(("write", self._names[fd], bytes(data[:count])))
        return count

    def ftruncate(self, fd: int, size: int) -> None:
        """Cut."""
        super().ftruncate(fd, size)
        self.log.append(("truncate", self._names[fd], size))

    def fdatasync(self, fd: int) -> None:
        """Sync a file."""
        super().fdatasync(fd)
        self.log.append(("sync", self._names[fd], 0))

    def fsync(self, fd: int) -> None:
        """Sync the directory."""
        super().fsync(fd)
        self.log.append(("sync directory", "", 0))
