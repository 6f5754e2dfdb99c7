"""NAL units: how to find them in an Annex B byte stream, and what their first byte says.

Strategy: one regular expression walks the start codes (half the time of bytes.find, which is slow
at three bytes), and every NAL unit is a memoryview of the buffer it came in, so that splitting
copies nothing and costs one pass whatever the content. The three-byte start code is the only thing
looked for: the zero byte that makes it four bytes long, and any trailing_zero_8bits (B.1), are
zeros at the end of the NAL unit before it, where no NAL unit may have one (7.4.1).
"""

import re
from enum import IntEnum
from itertools import islice, pairwise

from petstream.errors import StreamError

__all__ = [
    "MAX_START_CODES",
    "NalUnit",
    "NalUnitType",
    "escape_rbsp",
    "is_random_access",
    "nal_unit_type",
    "split_annexb",
    "unescape_rbsp",
]

NalUnit = bytes | memoryview

# An encoder that cuts its slices to fit 1,200-byte packets puts 2,592 of them into the largest
# slot (3,110,400 bytes); nothing that cameras write has more. Splitting this many takes about a
# millisecond, while a slot that is nothing but start codes would hold 1,036,800.
MAX_START_CODES = 4096

_START_CODE = re.compile(rb"\x00\x00\x01")
_EMULATION = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class NalUnitType(IntEnum):
    """nal_unit_type, H.264 Table 7-1; 0 and 24 to 31 are unspecified, the rest reserved."""

    SLICE = 1
    DATA_PARTITION_A = 2
    DATA_PARTITION_B = 3
    DATA_PARTITION_C = 4
    IDR_SLICE = 5
    SEI = 6
    SPS = 7
    PPS = 8
    ACCESS_UNIT_DELIMITER = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER_DATA = 12
    SPS_EXTENSION = 13
    PREFIX = 14
    SUBSET_SPS = 15
    DEPTH_PARAMETER_SET = 16
    AUXILIARY_SLICE = 19
    SLICE_EXTENSION = 20
    SLICE_EXTENSION_DEPTH = 21


def nal_unit_type(nal_unit: NalUnit) -> int:
    """The nal_unit_type of a NAL unit that is not empty (7.3.1); may be no NalUnitType."""
    return nal_unit[0] & 0x1F


def split_annexb(data: bytes) -> list[memoryview]:
    """Find the NAL units of an Annex B byte stream, in order, without copying them.

    Bytes before the first start code are no NAL unit and are left out, as are trailing zeros and
    empty NAL units.

    Returns:
        Views into data, none of them empty; an empty list when there is no NAL unit.

    Raises:
        StreamError: ``too_many_nal_units``, over MAX_START_CODES start codes.
    """
    starts = [match.start() for match in islice(_START_CODE.finditer(data), MAX_START_CODES + 1)]
    if len(starts) > MAX_START_CODES:
        raise StreamError(
            "too_many_nal_units",
            f"{len(data)} bytes have more than {MAX_START_CODES} start codes: "
            "no camera's access unit, the slot is dropped",
        )
    view = memoryview(data)
    nal_units = []
    for start, following in pairwise([*starts, len(data)]):
        begin = start + 3
        end = _without_trailing_zeros(data, begin, following)
        if end > begin:
            nal_units.append(view[begin:end])
    return nal_units


def is_random_access(data: bytes) -> bool:
    """Whether the first slice in an Annex B byte stream is that of an IDR picture.

    Looks no further than that slice, so it is cheap enough to ask of every slot in a backlog. It
    says nothing of parameter sets, and False for bytes that are no H.264.
    """
    for match in islice(_START_CODE.finditer(data), MAX_START_CODES):
        begin = match.end()
        kind = data[begin] & 0x1F if begin < len(data) else 0
        if NalUnitType.SLICE <= kind <= NalUnitType.IDR_SLICE:
            return kind == NalUnitType.IDR_SLICE
    return False


def _without_trailing_zeros(data: bytes, begin: int, end: int) -> int:
    """The end of data[begin:end] once zeros at its end are left out."""
    if end == begin or data[end - 1]:
        return end
    # One zero is the usual case, the first byte of a four-byte start code; only a longer run is
    # worth the copy that rstrip needs.
    if end - begin > 1 and data[end - 2]:
        return end - 1
    return begin + len(data[begin:end].rstrip(b"\x00"))


def unescape_rbsp(payload: NalUnit) -> bytes:
    """Take out the emulation prevention bytes (7.3.1): NAL unit payload to RBSP."""
    return bytes(payload).replace(b"\x00\x00\x03", b"\x00\x00")


def escape_rbsp(rbsp: bytes) -> bytes:
    """Put in emulation prevention bytes (7.4.1): RBSP to NAL unit payload.

    The inverse of unescape_rbsp for whatever ends as an RBSP does, in a byte that is not zero or
    in a cabac_zero_word.
    """
    payload = _EMULATION.sub(b"\x00\x00\x03", rbsp)
    return payload + b"\x03" if payload.endswith(b"\x00") else payload
