"""The content of an MP4 that no sidecar tells of: found by reading it.

Strategy: the boxes of ISO/IEC 14496-12 clause 4.2 say where fragments end; PyAV demuxes what ends
with one, counts, and decodes the last seconds, where a power cut may have left anything. What does
not decode is tried without its last fragment. Slow, and only for files that lost their sidecar.
"""

import io
import os
from typing import Final

import av

from petstream.recording.decoding import DOUBTFUL_TICKS, strict
from petstream.recording.sidecar import Flags, Record
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["scan_mp4"]

ATTEMPTS_MAX: Final = 64  # fragments of the doubtful seconds, and more
LARGE: Final = 1  # a box size of 1 says that 64 bits with the size follow the type


def scan_mp4(fd: int) -> Record | None:
    """Everything that plays, as one piece; None if nothing does; OSError."""
    size = os.fstat(fd).st_size
    for end in reversed(_ends(fd, size)[-ATTEMPTS_MAX:]):
        found = _count(fd, end)
        if found is not None:
            return found
    return None


def _ends(fd: int, size: int) -> list[int]:
    """Where the file could end: behind the media data of a fragment, or behind the last box."""
    ends = []
    place = 0
    while place + 8 <= size:
        head = os.pread(fd, 16, place)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == LARGE:
            length = int.from_bytes(head[8:], "big")
        place += length
        if length < 8 or place > size:
            break
        if kind in {b"mdat", b"mfra"} or place == size:
            ends.append(place)
    return ends


def _count(fd: int, size: int) -> Record | None:
    """What is in the first ``size`` bytes; None if their end does not decode."""
    try:
        with av.open(_Prefix(fd, size), "r", format="mp4") as container:
            samples = [
                (round((packet.pts + (packet.duration or 0)) * packet.time_base * CLOCK_RATE))
                for packet in container.demux(video=0)
                if packet.size and packet.pts is not None and packet.time_base is not None
            ]
        if not samples:
            return None
        end_ticks = max(samples)
        with av.open(_Prefix(fd, size), "r", format="mp4") as container:
            stream = container.streams.video[0]
            strict(stream.codec_context)
            doubtful_s = max(0, end_ticks - DOUBTFUL_TICKS) / CLOCK_RATE
            container.seek(int(doubtful_s * av.time_base))
            for _ in container.decode(stream):
                continue
    except (av.FFmpegError, IndexError):
        return None
    return Record(size, 0, end_ticks, len(samples), Flags.NONE)


class _Prefix(io.RawIOBase):
    """The first bytes of a file, for PyAV."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Some bytes."""
        left = max(0, self._size - self._place)
        data = os.pread(self._fd, left if size < 0 else min(left, size), self._place)
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        """Where it is."""
        return self._place
