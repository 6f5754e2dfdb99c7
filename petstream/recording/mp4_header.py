"""The front of an MP4 whose samples follow as one block: sans-I/O.

Strategy: the boxes of ISO/IEC 14496-12, clause 8, that a player needs to find and time samples, and
no others; all sizes and times come from the caller's tables. ``ftyp``, ``moov`` and the head of
``mdat`` stand in front, so that a player can begin, and seek, before it has the rest.
"""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from petstream.errors import RecordingError
from petstream.h264.parameter_sets import ParameterSets
from petstream.rtp.timeline import CLOCK_RATE

__all__ = ["Samples", "mp4_header"]

EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)  # clause 8.2.2
UNITY_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LARGE: Final = 1  # a box size of 1 says that 64 bits with the size follow the type
HIGH_PROFILES: Final = frozenset({100, 110, 122, 144})  # whose avcC says chroma and bit depths


@dataclass(frozen=True, slots=True)
class Samples:
    """The tables of a track.

    Attributes:
        sizes: of each sample in bytes.
        ticks: when each is shown, from 0 on.
        sync: numbers, from 0 on, of samples where decoding can begin.
        duration: of the whole in ticks.
    """

    sizes: "array[int]"
    ticks: "array[int]"
    sync: "array[int]"
    duration: int


def mp4_header(
    samples: Samples, sets: ParameterSets, begin: datetime, *, sets_may_change: bool
) -> bytes:
    """Everything in front of the first sample.

    Args:
        samples: their tables; one sample at least.
        sets: parameter sets of the first.
        begin: when it was recorded.
        sets_may_change: samples bring parameter sets of other sizes (ISO/IEC 14496-15, ``avc3``).
    """
    payload = sum(samples.sizes)
    kind = b"avc3" if sets_may_change else b"avc1"
    ftyp = _box(b"ftyp", b"isom", _u32(512), b"isomiso6", kind, b"mp41")
    # The offsets in it do not change its size, so that a first attempt tells where samples begin.
    size = len(_moov(samples, sets, begin, kind, 0))
    mdat = struct.pack(">I4sQ", LARGE, b"mdat", 16 + payload)
    moov = _moov(samples, sets, begin, kind, len(ftyp) + size + len(mdat))
    return ftyp + moov + mdat


def _moov(
    samples: Samples, sets: ParameterSets, begin: datetime, kind: bytes, offset: int
) -> bytes:
    created = max(0, int((begin - EPOCH).total_seconds()))
    times = struct.pack(">QQ", created, created)
    width, height = sets.parsed.width, sets.parsed.height
    mvhd = _full_box(
        b"mvhd",
        1,
        0,
        times + struct.pack(">IQIHHQ", CLOCK_RATE, samples.duration, 0x10000, 0x100, 0, 0),
        UNITY_MATRIX + bytes(24) + _u32(2),
    )
    tkhd = _full_box(
        b"tkhd",
        1,
        3,  # enabled, and part of the presentation
        times + struct.pack(">IIQQHHHH", 1, 0, samples.duration, 0, 0, 0, 0, 0),
        UNITY_MATRIX + struct.pack(">II", width << 16, height << 16),
    )
    undetermined = 0x55C4  # "und", packed as ISO 639-2/T
    mdhd = _full_box(
        b"mdhd", 1, 0, times + struct.pack(">IQHH", CLOCK_RATE, samples.duration, undetermined, 0)
    )
    hdlr = _full_box(b"hdlr", 0, 0, _u32(0), b"vide", bytes(12), b"petstream\0")
    dref = _full_box(b"dref", 0, 0, _u32(1), _full_box(b"url ", 0, 1))
    minf = _box(
        b"minf",
        _full_box(b"vmhd", 0, 1, bytes(8)),
        _box(b"dinf", dref),
        _sample_table(samples, _sample_entry(sets, kind), offset),
    )
    return _box(b"moov", mvhd, _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf)))


def _sample_table(samples: Samples, entry: bytes, offset: int) -> bytes:
    chunk_sizes, chunk_offsets = _chunks(samples, offset)
    return _box(
        b"stbl",
        _full_box(b"stsd", 0, 0, _u32(1), entry),
        _table(b"stts", _time_to_sample(samples), 2),
        _table(b"stss", array("I", (number + 1 for number in samples.sync)), 1),
        _table(b"stsc", _sample_to_chunk(chunk_sizes), 3),
        _full_box(b"stsz", 0, 0, _u32(0), _u32(len(samples.sizes)), _big_endian(samples.sizes)),
        _table(b"co64", chunk_offsets, 1),
    )


def _time_to_sample(samples: Samples) -> "array[int]":
    """Runs of equal durations, clause 8.6.1.2."""
    ends = samples.ticks[1:]
    ends.append(samples.duration)
    durations = (end - begin for begin, end in zip(samples.ticks, ends, strict=True))
    runs = array("I")
    for duration, run in groupby(durations):
        runs.extend((sum(1 for _ in run), duration))
    return runs


def _chunks(samples: Samples, offset: int) -> "tuple[list[int], array[int]]":
    """Samples in, and place of, each chunk: a GOP each."""
    begins = sorted({0, *samples.sync})
    ends = [*begins[1:], len(samples.sizes)]
    offsets = array("Q")
    for begin, end in zip(begins, ends, strict=True):
        offsets.append(offset)
        offset += sum(samples.sizes[begin:end])
    return [end - begin for begin, end in zip(begins, ends, strict=True)], offsets


def _sample_to_chunk(chunk_sizes: Sequence[int]) -> "array[int]":
    """First chunk, samples in a chunk, sample description: a run an entry, clause 8.7.4."""
    entries = array("I")
    chunk = 1
    for size, run in groupby(chunk_sizes):
        entries.extend((chunk, size, 1))
        chunk += sum(1 for _ in run)
    return entries


def _sample_entry(sets: ParameterSets, kind: bytes) -> bytes:
    """The VisualSampleEntry with its decoder configuration, ISO/IEC 14496-15 clause 5.3.3."""
    parsed = sets.parsed
    if len(sets.pps) > 255:
        raise RecordingError(f"the stream has {len(sets.pps)} pps, an MP4 takes 255")
    sps = sets.sps[0]
    configuration = b"\x01" + sps[1:4] + b"\xff"  # NAL units have four bytes of length in front
    configuration += bytes([0xE0 | 1]) + b"".join(_sized(nal) for nal in sets.sps)
    configuration += bytes([len(sets.pps)]) + b"".join(_sized(nal) for nal in sets.pps)
    if sps[1] in HIGH_PROFILES:
        depth = 0xF8 | parsed.bit_depth - 8
        configuration += bytes([0xFC | parsed.chroma_format_idc, depth, depth, 0])
    head = bytes(6) + struct.pack(">H", 1) + bytes(16)
    head += struct.pack(">HHIIIH", parsed.width, parsed.height, 72 << 16, 72 << 16, 0, 1)
    head += bytes(32) + struct.pack(">Hh", 24, -1)
    return _box(kind, head, _box(b"avcC", configuration))


def _sized(nal_unit: bytes) -> bytes:
    return struct.pack(">H", len(nal_unit)) + nal_unit


def _table(kind: bytes, rows: "array[int]", columns: int) -> bytes:
    return _full_box(kind, 0, 0, _u32(len(rows) // columns), _big_endian(rows))


def _big_endian(numbers: "array[int]") -> bytes:
    swapped = numbers[:]
    swapped.byteswap()  # the machines we run on are little endian, SPEC section 1
    return swapped.tobytes()


def _u32(number: int) -> bytes:
    return struct.pack(">I", number)


def _full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, _u32(version << 24 | flags), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    size = 8 + sum(map(len, parts))
    return b"".join((struct.pack(">I4s", size, kind), *parts))
