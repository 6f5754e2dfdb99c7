"""Stamps access units: an SEI that says when each was captured, its number, and its CRC.

Strategy: what does not change from one pass over a clip to the next is worked out once: the CRC,
and the place before the first slice where the stamp goes. A stamped access unit is then one
concatenation.
"""

from dataclasses import dataclass
from typing import Final, Self

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.sei import build_stamp, stamp_crc

__all__ = ["Stampable"]

_START_CODE: Final = b"\0\0\0\1"
_SLICES: Final = range(NalUnitType.SLICE, NalUnitType.IDR_SLICE + 1)


@dataclass(frozen=True, slots=True)
class Stampable:
    """One access unit, cut where its stamp goes.

    Attributes:
        head: what precedes the first slice, with the start code for the stamp behind it.
        tail: the start code of the first slice, that slice and all that follows.
        crc: of the whole, as ``stamp_crc`` has it.
    """

    head: bytes
    tail: bytes
    crc: int

    @classmethod
    def of(cls, access_unit: bytes) -> Self:
        """Prepare an access unit; every start code of it will have four bytes."""
        nal_units = split_annexb(access_unit)
        kinds = [nal_unit_type(nal_unit) for nal_unit in nal_units]
        first = next((at for at, kind in enumerate(kinds) if kind in _SLICES), len(nal_units))
        head = b"".join(_START_CODE + nal_unit for nal_unit in nal_units[:first]) + _START_CODE
        tail = b"".join(_START_CODE + nal_unit for nal_unit in nal_units[first:])
        return cls(head, tail, stamp_crc(nal_units))

    def stamped(self, frame_number: int, capture_ns: int) -> bytes:
        """The access unit with its stamp."""
        return self.head + build_stamp(frame_number, capture_ns, self.crc) + self.tail
