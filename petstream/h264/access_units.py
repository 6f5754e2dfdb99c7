"""Where access units begin in a raw H.264 file that has no index.

Strategy: the rules of H.264 clause 7.4.1.2.3, as far as the streams of cameras need them. After
a slice, the next access unit begins with the first NAL unit that may only stand before slices
(delimiter, parameter set, SEI, types 14 to 18), or with a slice whose first macroblock is the
picture's first. Streams with arbitrary slice order are not told apart that way.

``split_annexb`` finds the NAL units. It takes an access unit at a time and bounds what it finds,
so a file is handed to it window by window.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Protocol

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb

__all__ = ["Sliceable", "access_unit_spans", "split_access_units"]

_PREFIX: Final = b"\0\0\1"
_WINDOW: Final = 1 << 20
_SLICES: Final = range(NalUnitType.SLICE, NalUnitType.IDR_SLICE + 1)
_FIRST_OF_PICTURE: Final = frozenset(
    {NalUnitType.SLICE, NalUnitType.DATA_PARTITION_A, NalUnitType.IDR_SLICE}
)
_BEFORE_SLICES: Final = frozenset(
    {
        NalUnitType.SEI,
        NalUnitType.SPS,
        NalUnitType.PPS,
        NalUnitType.ACCESS_UNIT_DELIMITER,
        *range(14, 19),
    }
)


class Sliceable(Protocol):
    """Bytes, or what reads them as they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


def split_access_units(data: bytes) -> list[bytes]:
    """The access units of an Annex B byte stream, byte for byte; see access_unit_spans."""
    return [data[begin:end] for begin, end in access_unit_spans(data)]


def access_unit_spans(data: Sliceable) -> list[tuple[int, int]]:
    """Begin and end of the access units of an Annex B byte stream, in order.

    What stands before the first start code, and NAL units after the last picture that belong to
    a next one, are left out; an empty list when there is no slice at all.

    Raises:
        StreamError: too many NAL units for the bytes they are in.
    """
    starts: list[int] = []
    has_slice = True  # the first NAL unit begins an access unit
    for offset, nal_unit in _nal_units(data):
        kind = nal_unit_type(nal_unit)
        if has_slice and (not starts or _begins_access_unit(kind, nal_unit)):
            starts.append(offset)
            has_slice = False
        has_slice = has_slice or kind in _SLICES
    if starts and has_slice:
        starts.append(len(data))
    return list(pairwise(starts))


def _begins_access_unit(kind: int, nal_unit: memoryview) -> bool:
    if kind in _FIRST_OF_PICTURE:
        # first_mb_in_slice is ue(v): 0 is the single bit 1.
        return len(nal_unit) > 1 and bool(nal_unit[1] & 0x80)
    return kind in _BEFORE_SLICES


def _nal_units(data: Sliceable) -> Iterator[tuple[int, memoryview]]:
    """Each NAL unit, and the offset in ``data`` of the start code before it."""
    start, size = 0, _WINDOW
    while start < len(data):
        window = data[start : start + size]
        is_last = start + size >= len(data)
        nal_units = split_annexb(window)
        if not is_last and len(nal_units) < 2:
            size *= 2
            continue
        position = 0
        for nal_unit in nal_units:
            position = window.index(_PREFIX + bytes(nal_unit[:1]), position)
            if nal_unit is nal_units[-1] and not is_last:
                break  # it may go on behind the window
            # The zero byte of a four-byte start code belongs to it.
            offset = start + position
            yield offset - (data[offset - 1 : offset] == b"\0"), nal_unit
            position += len(_PREFIX) + len(nal_unit)
        if is_last:
            return
        start, size = start + position, _WINDOW
