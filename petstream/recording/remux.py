"""A raw recording as an MP4 with the true capture times, made while it is read.

Strategy: a recording's start codes are four bytes long, as are the lengths that an MP4 has in their
place, so that a sample has the same size and the same order in both. Only the header has to be
made, out of the sidecar; after it, byte n of the MP4 is byte n of the file, but for the start
codes. So any part can be had at once, nothing is stored, and a long recording costs no memory.
"""

import hashlib
import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from petstream.errors import RecordingError, StreamError
from petstream.h264.access_unit import START_CODE
from petstream.h264.parameter_sets import ParameterSets
from petstream.h264.processor import Processor
from petstream.recording.media import CHUNK, read_exactly
from petstream.recording.mp4_header import Samples, mp4_header
from petstream.recording.sidecar import Flags, Header, Record
from petstream.slot import Slot

__all__ = ["RemuxedMedia", "Remuxing", "parameter_sets_of", "prepare"]


@dataclass(frozen=True, slots=True)
class Remuxing:
    """What has to be known of a raw recording to read it as an MP4.

    Attributes:
        header: all that stands in front of the samples.
        ends: where each access unit ends in the file.
        etag: names the MP4, without quotes.
        modified_s: when the file was last changed, in Unix seconds.
    """

    header: bytes
    ends: "array[int]"
    etag: str
    modified_s: int


def prepare(fd: int, sidecar: Header, pieces: Sequence[Record]) -> Remuxing:
    """Make the header.

    Args:
        fd: the raw file.
        sidecar: the header of its sidecar.
        pieces: its access units.

    Raises:
        RecordingError: there is none yet, or the first has no parameter sets.
        OSError: the file cannot be read.
    """
    if not pieces:
        raise RecordingError("there is no access unit in the recording yet")
    ends = array("Q", (piece.end for piece in pieces))
    samples = Samples(
        sizes=array("I", (end - begin for begin, end in zip([0, *ends], ends, strict=False))),
        ticks=array("Q", (piece.ticks for piece in pieces)),
        sync=array("I", (n for n, piece in enumerate(pieces) if piece.flags & Flags.IDR)),
        duration=pieces[-1].end_ticks,
    )
    header = mp4_header(
        samples,
        parameter_sets_of(read_exactly(fd, 0, ends[0])),
        sidecar.begin,
        sets_may_change=any(piece.flags & Flags.OTHER_SPS for piece in pieces),
    )
    etag = hashlib.sha256(sidecar.packed + header).hexdigest()[:32]
    return Remuxing(header, ends, etag, int(os.fstat(fd).st_mtime))


def parameter_sets_of(access_unit: bytes) -> ParameterSets:
    """Those that an IDR access unit begins with; RecordingError if it does not."""
    slot = Slot(0, 0, 0, 0, 0, 0, 0, access_unit, discontinuity=False)
    try:
        sets = Processor().process(slot).parameter_sets
    except StreamError as error:
        raise RecordingError(f"the recording does not begin with an IDR: {error}") from error
    if sets is None:
        raise RecordingError("the recording does not begin with parameter sets")
    return sets


class RemuxedMedia:
    """A raw recording as MP4; has what ``FileMedia`` has."""

    content_type: Final = "video/mp4"

    def __init__(self, fd: int, remuxing: Remuxing) -> None:
        """Take over the descriptor of the raw file."""
        self._fd = fd
        self._remuxing = remuxing
        self.size = len(remuxing.header) + remuxing.ends[-1]
        self.etag = remuxing.etag
        self.modified_s = remuxing.modified_s

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` to ``stop``."""
        header = self._remuxing.header
        for begin in range(start, min(stop, len(header)), CHUNK):
            yield header[begin : min(stop, begin + CHUNK)]
        yield from self._samples(max(0, start - len(header)), stop - len(header))

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)

    def _samples(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of the samples from ``start`` to ``stop``, by places in the raw file."""
        ends = self._remuxing.ends
        number = bisect_right(ends, start)
        parts: list[bytes] = []
        while start < stop:
            begin = ends[number - 1] if number else 0
            sample = _with_lengths(read_exactly(self._fd, begin, ends[number] - begin))
            parts.append(sample[start - begin : stop - begin])
            start = ends[number]
            number += 1
            if sum(map(len, parts)) >= CHUNK or start >= stop:
                yield b"".join(parts)
                parts.clear()


def _with_lengths(access_unit: bytes) -> bytes:
    """An access unit with lengths in place of its start codes."""
    front, *nal_units = access_unit.split(START_CODE)
    if front or not nal_units:
        raise RecordingError("the recording is not as it was written: an access unit is missing")
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nal_units)
