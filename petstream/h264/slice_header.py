"""The first three fields of a slice header: where it begins, what it may predict from, which PPS.

Strategy: all three are Exp-Golomb codes that fit the first eight bytes, so no more of the slice is
ever looked at. In most slices they fit the first byte, and a table tells what it says.
"""

from dataclasses import dataclass

from petstream.errors import StreamError
from petstream.h264.bits import BitReader
from petstream.h264.nal import NalUnit

__all__ = ["SliceHeader", "parse_slice_header"]

# NAL unit header, 35 + 7 + 17 bits at the most, and room for emulation prevention bytes.
_HEAD = 16
_MAX_SLICE_TYPE = 9
_MAX_PPS_ID = 255
_B_SLICE = 1


@dataclass(frozen=True, slots=True)
class SliceHeader:
    """What a slice header begins with (H.264 clause 7.3.3).

    Attributes:
        first_mb_in_slice: address of its first macroblock; 0 in the first slice of a picture.
        slice_type: 0 P, 1 B, 2 I, 3 SP, 4 SI; five more when all slices of the picture agree.
        pps_id: the PPS it refers to.
    """

    first_mb_in_slice: int
    slice_type: int
    pps_id: int

    @property
    def is_b(self) -> bool:
        """Predicted from two pictures, of which one may be shown later."""
        return self.slice_type % 5 == _B_SLICE


def parse_slice_header(nal_unit: NalUnit) -> SliceHeader:
    """Read the beginning of a slice or data partition A (NAL unit types 1, 2 and 5).

    Raises:
        StreamError: ``bad_slice_header``, it is cut off or a number is out of range.
    """
    known = _BY_FIRST_BYTE[nal_unit[1]] if len(nal_unit) > 1 else None
    return known or _parse(bytes(nal_unit[1:_HEAD]))


def _parse(head: bytes) -> SliceHeader:
    if b"\x00\x00\x03" in head:
        head = head.replace(b"\x00\x00\x03", b"\x00\x00")
    bits = BitReader(head)
    try:
        return SliceHeader(
            bits.ue(),
            bits.ue_at_most(_MAX_SLICE_TYPE, "slice_type"),
            bits.ue_at_most(_MAX_PPS_ID, "pic_parameter_set_id"),
        )
    except StreamError as error:
        raise StreamError("bad_slice_header", f"slice header does not parse: {error}") from error


def _parse_byte(byte: int) -> SliceHeader | None:
    """What a slice header says that begins with this byte; None if it goes on in the next."""
    try:
        return _parse(bytes((byte,)))
    except StreamError:
        return None


_BY_FIRST_BYTE = tuple(map(_parse_byte, range(256)))
