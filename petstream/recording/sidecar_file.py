"""Reading sidecars from the disk.

Strategy: whoever wants the figures of a recording reads the header and the last few records,
whatever its length; whoever wants its pieces reads all of them. Nothing is kept open.
"""

import os
from pathlib import Path
from typing import Final, Self

from petstream.recording.sidecar import (
    HEADER_SIZE,
    RECORD_SIZE,
    SUFFIX,
    Flags,
    Header,
    Record,
    read_header,
    read_records,
)

__all__ = ["SidecarFile", "open_for_reading"]

TAIL_RECORDS: Final = 64  # more than are written ahead of the file, or torn, at any time


def open_for_reading(path: Path) -> int:
    """A descriptor of the regular file at ``path``; OSError, also for a link."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


class SidecarFile:
    """What the sidecar of a recording says.

    Attributes:
        header: its header.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.header = header
        self._path = path

    @classmethod
    def beside(cls, recording: Path) -> Self | None:
        """The sidecar of a recording; None if it has none that can be read."""
        path = recording.with_name(recording.name + SUFFIX)
        try:
            header = read_header(_read(path, 0, HEADER_SIZE))
        except OSError:
            return None
        return None if header is None else cls(path, header)

    def last(self, file_size: int) -> Record | None:
        """The newest record of what is in a file of that size; None if there is none.

        Raises:
            OSError: it cannot be read.
        """
        count = max(0, self._path.stat().st_size - HEADER_SIZE) // RECORD_SIZE
        first = max(0, count - TAIL_RECORDS)
        data = _read(self._path, HEADER_SIZE + first * RECORD_SIZE, TAIL_RECORDS * RECORD_SIZE)
        for record in reversed(read_records(data, self.header, first)):
            if record.flags & Flags.END or record.end <= file_size:
                return record
        pieces = self.pieces(file_size) if first else []
        return pieces[-1] if pieces else None

    def records(self) -> list[Record]:
        """All records, up to the first that is torn or stale; OSError if it cannot be read."""
        return read_records(_read(self._path, HEADER_SIZE, -1), self.header)

    def pieces(self, file_size: int) -> list[Record]:
        """The records of the pieces that are in a file of that size, whole."""
        return [r for r in self.records() if r.end <= file_size and not r.flags & Flags.END]


def _read(path: Path, offset: int, size: int) -> bytes:
    fd = open_for_reading(path)
    with os.fdopen(fd, "rb") as file:
        file.seek(offset)
        return file.read(size)
