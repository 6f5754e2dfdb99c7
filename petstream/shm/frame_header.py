"""The 48 bytes in front of each access unit, and what of them is believable.

Strategy: everything is checked before a byte of the payload is asked for, so that a nonsense
``data_size`` never becomes an allocation. The clock is not a reason to refuse a picture: odd
timestamps are straightened out where RTP time is made.
"""

from struct import Struct
from typing import Final, NamedTuple

from petstream.errors import StreamError

from .layout import DATA_SIZE_MAX, FORMAT_H264, Frame, struct_format

__all__ = ["CAMERA_ID_MAX", "PICTURE_SIDE_MAX", "PICTURE_SIDE_MIN", "FrameHeader", "parse_header"]

PICTURE_SIDE_MIN: Final = 16  # one macroblock, H.264 clause 6.4
PICTURE_SIDE_MAX: Final = 4096  # what embedded H.264 encoders reach (level 5.1 at 4096x2304)
CAMERA_ID_MAX: Final = 255  # Linux numbers at most 256 video devices

_INT63_MAX: Final = 2**63 - 1


# frame_number, tv_sec, tv_nsec, camera_id, width, height, format, data_size
_HEADER: Final = Struct(struct_format(Frame._fields_[:-1]))


class FrameHeader(NamedTuple):
    """A slot's header that passed every check; the attributes are those of ``Slot``."""

    frame_number: int
    capture_ns: int
    camera_id: int
    width: int
    height: int
    data_size: int


def parse_header(raw: bytes) -> FrameHeader:
    """Check and unpack a frame header.

    ``capture_ns`` is seconds and nanoseconds added up as they stand, also if the nanoseconds make
    more than a second, and held within 0 and 2^63 - 1.

    Raises:
        StreamError: reason ``format``, ``data_size``, ``picture_size`` or ``camera_id``.
    """
    number, seconds, nanoseconds, camera_id, width, height, form, data_size = _HEADER.unpack(raw)
    if form != FORMAT_H264:
        raise StreamError("format", f"slot has format {form}, expected {FORMAT_H264}")
    if not 1 <= data_size <= DATA_SIZE_MAX:
        raise StreamError(
            "data_size",
            f"access unit size ({data_size}) is out of range, maximum is {DATA_SIZE_MAX}",
        )
    if not (
        PICTURE_SIDE_MIN <= width <= PICTURE_SIDE_MAX
        and PICTURE_SIDE_MIN <= height <= PICTURE_SIDE_MAX
    ):
        raise StreamError(
            "picture_size",
            f"picture of {width}x{height} is out of range, each side is "
            f"{PICTURE_SIDE_MIN} to {PICTURE_SIDE_MAX}",
        )
    if not 0 <= camera_id <= CAMERA_ID_MAX:
        raise StreamError(
            "camera_id", f"camera id {camera_id} is out of range, maximum is {CAMERA_ID_MAX}"
        )
    capture_ns = min(max(seconds * 1_000_000_000 + nanoseconds, 0), _INT63_MAX)
    return FrameHeader(number, capture_ns, camera_id, width, height, data_size)
