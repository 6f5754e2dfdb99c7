"""A recording as it is, to be sent in parts; ``remux`` has it as a browser wants it."""

import os
from collections.abc import Iterator
from typing import Final

from petstream.errors import RecordingError

__all__ = ["CHUNK", "FileMedia", "read_exactly"]

CHUNK: Final = 64 * 1024


class FileMedia:
    """A file as it was when it was opened, though it may grow (one thread).

    Attributes:
        size: in bytes.
        etag: names these very bytes, without quotes (RFC 9110 section 8.8.3).
        modified_s: when they were last changed, in Unix seconds.
        content_type: their media type.
    """

    def __init__(self, fd: int, content_type: str) -> None:
        """Take over a descriptor."""
        found = os.fstat(fd)
        self.size = found.st_size
        self.modified_s = int(found.st_mtime)
        self.etag = f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
        self.content_type = content_type
        self._fd = fd

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` to ``stop``; OSError or RecordingError if the disk fails."""
        while start < stop:
            chunk = read_exactly(self._fd, start, min(CHUNK, stop - start))
            yield chunk
            start += len(chunk)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)


def read_exactly(fd: int, start: int, size: int) -> bytes:
    """``size`` bytes from ``start`` on; RecordingError if the file has become too short."""
    data = os.pread(fd, size, start)
    while len(data) < size:
        more = os.pread(fd, size - len(data), start + len(data))
        if not more:
            raise RecordingError(f"the file ends at {start + len(data)}, before {start + size}")
        data += more
    return data
