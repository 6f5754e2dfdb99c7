"""The sidecar of a recording: where each piece of the file ends, and when it is shown.

Strategy: fixed-size records that each stand for themselves, so that the last one tells size,
duration and count of a recording of any length, and a torn or stale one is recognised by its check
sum. A record is written *before* the piece it describes: whatever is in the file is described, and
what a crash left half-written is known to the byte. No I/O here.

``NAME.times`` belongs to ``NAME``. Little endian; a header of 48 bytes, then records of 40:

    header  magic "PETTIMES" | version u32 | clock rate u32 | begin, UTC, ns u64 | identity 16 bytes
            | reserved u32 | CRC-32 of the 44 bytes before it
    record  end u64: bytes of the file with this piece | ticks u64: when it is shown, from the first
            on | duration u32: ticks it is shown for | frames u32: access units with this piece
            | flags u32 | CRC-32 of the piece | reserved u32 | CRC-32 of the 36 bytes before it,
            continued from that of the header and the record's number

A piece is an access unit of a raw file, or a fragment of an MP4. The last record of a file that is
not written any more has END set and repeats the figures of the whole.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from petstream.rtp.timeline import CLOCK_RATE

__all__ = [
    "HEADER_SIZE",
    "RECORD_SIZE",
    "SUFFIX",
    "Flags",
    "Header",
    "Record",
    "new_header",
    "read_header",
    "read_records",
]

SUFFIX: Final = ".times"
MAGIC: Final = b"PETTIMES"
VERSION: Final = 1
HEADER: Final = struct.Struct("<8sIIQ16sI")
RECORD: Final = struct.Struct("<QQIIIII")
CHECK: Final = struct.Struct("<I")
HEADER_SIZE: Final = HEADER.size + CHECK.size
RECORD_SIZE: Final = RECORD.size + CHECK.size
DURATION_MAX: Final = 2**32 - 1


class Flags:
    """Bits that say what is known of a piece, or, together with END, of the whole file.

    Plain numbers: a day has millions of them, and an enum is slow.
    """

    NONE: Final = 0
    IDR: Final = 1  # decoding can begin with the piece
    SYNCED: Final = 2  # everything before the piece is on the disk
    OTHER_SPS: Final = 4  # it begins a coded video sequence with another SPS than the file's first
    END: Final = 8  # no piece: the file is not written any more
    RECOVERED: Final = 16  # with END: a crash had left the file open
    DAMAGED: Final = 32  # with END: and nothing in it can be played


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in front of the records.

    Attributes:
        begin: when the file was made, UTC.
        packed: the bytes.
    """

    begin: datetime
    packed: bytes

    @property
    def seed(self) -> int:
        """What the check sums of records go on from; another for every file."""
        # Not that of all bytes: with its own check sum behind it, anything has the same.
        return zlib.crc32(self.packed[: HEADER.size])


class Record(NamedTuple):
    """A piece of the file.

    Attributes:
        end: bytes of the file up to and with this piece.
        ticks: 90 kHz ticks from the first access unit of the file to the first of this piece.
        duration: ticks from there to the end of the piece, should it be the last.
        frames: access units of the file up to and with this piece.
        flags: bits of Flags.
        check: CRC-32 of the piece.
    """

    end: int
    ticks: int
    duration: int
    frames: int
    flags: int
    check: int = 0

    @property
    def end_ticks(self) -> int:
        """When the file is over, should this be its last piece."""
        return self.ticks + self.duration

    def pack(self, header: Header, number: int) -> bytes:
        """The ``number``-th record of a sidecar that begins with ``header``."""
        duration = min(self.duration, DURATION_MAX)
        body = RECORD.pack(self.end, self.ticks, duration, self.frames, self.flags, self.check, 0)
        return body + CHECK.pack(_record_check(body, header.seed, number))


def new_header(begin: datetime) -> Header:
    """The header of a new sidecar."""
    body = HEADER.pack(MAGIC, VERSION, CLOCK_RATE, int(begin.timestamp() * 1e9), os.urandom(16), 0)
    return Header(begin, body + CHECK.pack(zlib.crc32(body)))


def read_header(data: bytes) -> Header | None:
    """The header that ``data`` begins with; None if there is none that this version reads."""
    body, check = data[: HEADER.size], data[HEADER.size : HEADER_SIZE]
    if len(data) < HEADER_SIZE or CHECK.pack(zlib.crc32(body)) != check:
        return None
    magic, version, clock_rate, begin_ns, _, _ = HEADER.unpack(body)
    if (magic, version, clock_rate) != (MAGIC, VERSION, CLOCK_RATE):
        return None
    seconds, fraction_ns = divmod(begin_ns, 10**9)
    try:
        begin = datetime.fromtimestamp(seconds, UTC).replace(microsecond=fraction_ns // 1000)
    except (OverflowError, ValueError, OSError):
        return None
    return Header(begin, data[:HEADER_SIZE])


def read_records(data: bytes, header: Header, first: int = 0) -> list[Record]:
    """The records that ``data`` begins with, up to the first that is torn, stale or missing.

    Args:
        data: what stands in the sidecar from the record ``first`` on.
        header: that of the sidecar.
        first: the number of the first record in ``data``.
    """
    found: list[Record] = []
    seed = header.seed
    for number, offset in enumerate(range(0, len(data) - RECORD_SIZE + 1, RECORD_SIZE), first):
        body = data[offset : offset + RECORD.size]
        (check,) = CHECK.unpack_from(data, offset + RECORD.size)
        if check != _record_check(body, seed, number):
            break
        found.append(Record._make(RECORD.unpack(body)[:-1]))
    return found


def _record_check(body: bytes, seed: int, number: int) -> int:
    return zlib.crc32(body, zlib.crc32(number.to_bytes(8, "little"), seed))
