"""Streams of a wished bit rate and GOP length, made of the real beginnings of real slices.

Strategy: nobody decodes here, but the server parses parameter sets and slice headers. So each
access unit begins as one of a clip does, and is then filled up to its size with bytes that need no
emulation prevention.
"""

from dataclasses import dataclass
from typing import Final

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from simulator import Fixture

__all__ = ["DEFAULT_GOP", "DEFAULT_MBPS", "FPS", "Stream", "make_stream"]

FPS: Final = 30
DEFAULT_MBPS: Final = 8.0
DEFAULT_GOP: Final = 30
IDR_TO_P: Final = 6  # an IDR of a camera is about so many times as large as a P picture
SLICE_START: Final = 32  # bytes of a slice that are kept: its header, and a little more
PACKET_MAX: Final = 1500
START_CODE: Final = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class Stream:
    """A GOP that is repeated for ever.

    Attributes:
        mbps: millions of bits a second.
        gop: access units, the first of them an IDR.
    """

    mbps: float
    gop: tuple[bytes, ...]

    @property
    def idr_packets(self) -> int:
        """An access unit of so many packets is an IDR, whatever the size of a packet."""
        return len(self.gop[0]) // (2 * PACKET_MAX)


def make_stream(mbps: float = DEFAULT_MBPS, gop: int = DEFAULT_GOP) -> Stream:
    """A stream of 30 access units a second."""
    clip = Fixture.load("barcode-1080p30")
    idr, p = clip.access_units[0], clip.access_units[1]
    size_of_p = int(mbps * 1e6 / 8 / FPS * gop / (gop - 1 + IDR_TO_P))
    units = (_fill(idr, IDR_TO_P * size_of_p), *(_fill(p, size_of_p) for _ in range(gop - 1)))
    return Stream(mbps, units)


def _fill(access_unit: bytes, size: int) -> bytes:
    """The access unit's NAL units, its slice cut short and filled up to ``size`` in all."""
    kept = b""
    for nal_unit in split_annexb(access_unit):
        if nal_unit_type(nal_unit) in (NalUnitType.IDR_SLICE, NalUnitType.SLICE):
            kept += START_CODE + bytes(nal_unit[:SLICE_START])
            break
        kept += START_CODE + bytes(nal_unit)
    return kept + b"\x5a" * (size - len(kept))
