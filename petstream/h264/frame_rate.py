"""The frame rate that a stream's SPS promises (H.264 clause E.2.1)."""

from typing import Final

from petstream.errors import StreamError
from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.sps import parse_sps

__all__ = ["FRAME_RATE_UNKNOWN", "frame_rate_of"]

FRAME_RATE_UNKNOWN: Final = 30.0  # what is assumed of a stream that does not say


def frame_rate_of(access_unit: bytes) -> float:
    """Access units a second, by the SPS in an access unit; 30 if there is none, or it is silent."""
    try:
        for nal_unit in split_annexb(access_unit):
            if nal_unit_type(nal_unit) == NalUnitType.SPS:
                return parse_sps(nal_unit).frame_rate or FRAME_RATE_UNKNOWN
    except StreamError:
        pass
    return FRAME_RATE_UNKNOWN
