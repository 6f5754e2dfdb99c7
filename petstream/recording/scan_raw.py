"""The access units of a raw file that no sidecar tells of: found by reading it.

Strategy: the file is cut by the rules of H.264 clause 7.4.1.2.3, window by window. Nobody knows the
true times, so the access units get those that the SPS promises. The last seconds, where a power cut
may have left anything, have to decode. Slow, and only for files that lost their sidecar.
"""

import os
import zlib

from petstream.h264.access_units import access_unit_spans
from petstream.h264.frame_rate import frame_rate_of
from petstream.h264.nal import is_random_access
from petstream.recording.decoding import DOUBTFUL_TICKS, count_decodable
from petstream.recording.media import read_exactly
from petstream.recording.sidecar import Flags, Record
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["frame_interval", "scan_raw"]


def scan_raw(fd: int, known: list[Record]) -> list[Record]:
    """All pieces of a raw file: those that are known, and what is found behind them.

    Raises:
        OSError, StreamError: the file cannot be read, or has more NAL units than any camera writes.
    """
    start = known[-1].end if known else 0
    pieces = list(known)
    interval = 0
    for begin, end in access_unit_spans(_FileView(fd, start)):
        data = read_exactly(fd, start + begin, end - begin)
        is_idr = is_random_access(data)
        if not pieces and not is_idr:
            return []
        last = pieces[-1] if pieces else Record(0, 0, 0, 0, Flags.NONE)
        interval = interval or last.duration or frame_interval(data)
        pieces.append(
            Record(
                end=start + end,
                ticks=last.end_ticks,
                duration=interval,
                frames=last.frames + 1,
                flags=Flags.IDR if is_idr else Flags.NONE,
                check=zlib.crc32(data),
            )
        )
    return pieces[: len(known)] + _decodable(fd, pieces, len(known))


def _decodable(fd: int, pieces: list[Record], first: int) -> list[Record]:
    """The pieces from ``first`` on, up to one in the last seconds that does not decode."""
    if len(pieces) == first:
        return []
    doubtful = pieces[-1].ticks - DOUBTFUL_TICKS
    begins = (
        number
        for number, piece in enumerate(pieces)
        if piece.flags & Flags.IDR and (number <= first or piece.ticks <= doubtful)
    )
    begin = max(begins, default=0)
    ends = [0, *(piece.end for piece in pieces)]
    units = (
        read_exactly(fd, ends[number], ends[number + 1] - ends[number])
        for number in range(begin, len(pieces))
    )
    return pieces[first : begin + count_decodable(units)]


def frame_interval(access_unit: bytes) -> int:
    """Ticks from one access unit to the next, as the SPS says, or 1/30 s if it does not."""
    return round(CLOCK_RATE / frame_rate_of(access_unit))


class _FileView:
    """A file that can be sliced; read, not mapped, because a mapped one that is cut kills us."""

    def __init__(self, fd: int, start: int) -> None:
        self._fd = fd
        self._start = start
        self._size = max(0, os.fstat(fd).st_size - start)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(self._size)
        return read_exactly(self._fd, self._start + begin, max(0, end - begin))
