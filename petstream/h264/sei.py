"""The stamp: an SEI message that says which access unit this is and what its bytes must be.

Strategy: a user_data_unregistered message (H.264 clause D.1.7) under a UUID of our own holds the
frame number, the capture time and a CRC-32, so that any stage, down to the browser's side of the
wire, can tell a lost, doubled or torn access unit from a sound one. The CRC covers the NAL units
that no stage may touch: what canonicalisation drops or adds is left out, and so is the stamp.

Payload after the UUID, big endian: frame number u64, capture time in ns u64, CRC-32 u32.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from petstream.h264.nal import NalUnit, NalUnitType, escape_rbsp, nal_unit_type, unescape_rbsp

__all__ = ["STAMP_UUID", "Stamp", "build_stamp", "find_stamp", "parse_stamp", "stamp_crc"]

# A random version 4 UUID; no two zero bytes in a row, so that escaping never breaks it up.
STAMP_UUID = bytes.fromhex("5f3ac1d47b924e06a1d8c27e94b6f50d")

_FIELDS = struct.Struct(">QQI")
_PAYLOAD_SIZE = len(STAMP_UUID) + _FIELDS.size
_USER_DATA_UNREGISTERED = 5
_RBSP_TRAILING_BITS = b"\x80"
# A stamp's NAL unit has 40 to 60 bytes; sharing one with other messages, it is still among the
# first of them. Beyond this nothing is searched.
_MAX_SEI_SIZE = 65536
_NOT_COVERED = frozenset(
    {
        0,
        NalUnitType.SPS,
        NalUnitType.PPS,
        NalUnitType.ACCESS_UNIT_DELIMITER,
        NalUnitType.FILLER_DATA,
        *range(24, 32),
    }
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a stamp says of its access unit.

    Attributes:
        frame_number: the daemon's own number, 0 to 2^64 - 1.
        capture_ns: capture time, nanoseconds of CLOCK_MONOTONIC, 0 to 2^64 - 1.
        crc: stamp_crc of the access unit.
    """

    frame_number: int
    capture_ns: int
    crc: int


def build_stamp(frame_number: int, capture_ns: int, crc: int) -> bytes:
    """A stamp as a NAL unit of its own, to go before the first slice of the access unit.

    Raises:
        ValueError: a number is negative or does not fit its field.
    """
    try:
        fields = _FIELDS.pack(frame_number, capture_ns, crc)
    except struct.error as error:
        raise ValueError(
            f"stamp {frame_number}, {capture_ns}, {crc} does not fit u64, u64, u32"
        ) from error
    message = bytes([_USER_DATA_UNREGISTERED, _PAYLOAD_SIZE]) + STAMP_UUID + fields
    return bytes([NalUnitType.SEI]) + escape_rbsp(message + _RBSP_TRAILING_BITS)


def parse_stamp(nal_unit: NalUnit) -> Stamp | None:
    """The stamp in a NAL unit, also behind other SEI messages; None where there is none."""
    if not 0 < len(nal_unit) <= _MAX_SEI_SIZE or nal_unit_type(nal_unit) != NalUnitType.SEI:
        return None
    rbsp = unescape_rbsp(nal_unit[1:])
    if STAMP_UUID not in rbsp:
        return None
    position = 0
    while position < len(rbsp):
        kind, position = _read_sei_number(rbsp, position)
        size, position = _read_sei_number(rbsp, position)
        payload = rbsp[position : position + size]
        if kind == _USER_DATA_UNREGISTERED and len(payload) == size == _PAYLOAD_SIZE:
            uuid, fields = payload[: len(STAMP_UUID)], payload[len(STAMP_UUID) :]
            if uuid == STAMP_UUID:
                return Stamp(*_FIELDS.unpack(fields))
        position += size
    return None


def find_stamp(nal_units: Iterable[NalUnit]) -> Stamp | None:
    """The first stamp among the NAL units of an access unit; None where there is none."""
    for nal_unit in nal_units:
        stamp = parse_stamp(nal_unit)
        if stamp is not None:
            return stamp
    return None


def stamp_crc(nal_units: Iterable[NalUnit]) -> int:
    """CRC-32 of an access unit's NAL units one after another, without start codes.

    Left out are stamps, parameter sets, delimiters, filler and whatever a decoder must not see
    (nal_unit_type 0 and 24 to 31, forbidden_zero_bit), so that the CRC of a slot and that of the
    canonical access unit made from it are the same.
    """
    crc = 0
    for nal_unit in nal_units:
        if not nal_unit or nal_unit[0] & 0x80 or nal_unit_type(nal_unit) in _NOT_COVERED:
            continue
        if parse_stamp(nal_unit) is None:
            crc = zlib.crc32(nal_unit, crc)
    return crc


def _read_sei_number(rbsp: bytes, position: int) -> tuple[int, int]:
    """payloadType or payloadSize (7.3.2.3.1): each 0xff adds 255, the next byte ends it."""
    total = 0
    while position < len(rbsp) and rbsp[position] == 0xFF:
        total += 0xFF
        position += 1
    if position < len(rbsp):
        total += rbsp[position]
    return total, position + 1
