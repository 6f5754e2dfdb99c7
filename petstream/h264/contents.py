"""What one slot holds: its NAL units sorted by what becomes of them.

Strategy: a table of 256 entries says from the first byte of a NAL unit what to do with it, so that
one pass sorts them all. Nothing is remembered here; that is the processor's part.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from petstream.errors import StreamError
from petstream.h264.nal import NalUnitType, split_annexb
from petstream.h264.slice_header import parse_slice_header

__all__ = ["DROP_REASONS", "Contents", "read_contents"]

# seq_parameter_set_id goes from 0 to 31 and pic_parameter_set_id from 0 to 255 (7.4.2.1.1,
# 7.4.2.2), so one access unit has no use for more; each costs a parse.
_MAX_SPS = 32
_MAX_PPS = 256


@dataclass(slots=True)
class Contents:
    """The NAL units of one slot, in stream order within each list.

    Attributes:
        sps, pps: parameter sets before the first slice.
        rest: slices, SEI and all else that goes on, parameter sets behind a slice included.
        late_sps, late_pps: those parameter sets again; they count from the next picture on.
        pps_ids: every PPS that a slice names; empty when there is no slice.
        is_idr: the slices are those of an IDR picture.
        has_b_slice: at least one slice is a B slice.
        dropped: why each NAL unit was left out that no decoder may be given.
    """

    sps: list[memoryview] = field(default_factory=list)
    pps: list[memoryview] = field(default_factory=list)
    rest: list[memoryview] = field(default_factory=list)
    late_sps: list[memoryview] = field(default_factory=list)
    late_pps: list[memoryview] = field(default_factory=list)
    pps_ids: set[int] = field(default_factory=set)
    is_idr: bool = False
    has_b_slice: bool = False
    dropped: list[str] = field(default_factory=list)


class _Role(Enum):
    KEEP = auto()
    SLICE = auto()
    SPS = auto()
    PPS = auto()
    LEAVE_OUT = auto()
    UNSPECIFIED = auto()
    FORBIDDEN = auto()


_ROLE_BY_TYPE: dict[int, _Role] = {
    0: _Role.UNSPECIFIED,
    NalUnitType.SLICE: _Role.SLICE,
    NalUnitType.DATA_PARTITION_A: _Role.SLICE,
    NalUnitType.IDR_SLICE: _Role.SLICE,
    NalUnitType.SPS: _Role.SPS,
    NalUnitType.PPS: _Role.PPS,
    NalUnitType.ACCESS_UNIT_DELIMITER: _Role.LEAVE_OUT,
    NalUnitType.FILLER_DATA: _Role.LEAVE_OUT,
    **dict.fromkeys(range(24, 32), _Role.UNSPECIFIED),
}


def _role(header: int) -> _Role:
    """What becomes of a NAL unit that begins with this byte (7.4.1)."""
    if header & 0x80:
        return _Role.FORBIDDEN
    return _ROLE_BY_TYPE.get(header & 0x1F, _Role.KEEP)


_ROLES = tuple(_role(header) for header in range(256))
_DROPPED = {_Role.UNSPECIFIED: "unspecified_type", _Role.FORBIDDEN: "forbidden_bit"}
# Every reason that Contents.dropped can name.
DROP_REASONS = tuple(_DROPPED.values())


def read_contents(data: bytes) -> Contents:
    """Sort the NAL units of an access unit in Annex B.

    Raises:
        StreamError: ``no_nal_unit``, ``too_many_nal_units``, ``too_many_parameter_sets``,
            ``bad_slice_header``, or ``mixed_pictures`` for IDR and other slices side by side.
    """
    nal_units = split_annexb(data)
    if not nal_units:
        raise StreamError("no_nal_unit", f"{len(data)} bytes have no nal unit, the slot is dropped")
    contents = Contents()
    for nal_unit in nal_units:
        role = _ROLES[nal_unit[0]]
        if role is _Role.SLICE:
            _add_slice(contents, nal_unit)
        elif role is _Role.SPS or role is _Role.PPS:
            _add_parameter_set(contents, nal_unit, role)
        elif role is _Role.KEEP:
            contents.rest.append(nal_unit)
        elif role is not _Role.LEAVE_OUT:
            contents.dropped.append(_DROPPED[role])
    return contents


def _add_slice(contents: Contents, nal_unit: memoryview) -> None:
    is_idr = nal_unit[0] & 0x1F == NalUnitType.IDR_SLICE
    if contents.pps_ids and is_idr != contents.is_idr:
        raise StreamError(
            "mixed_pictures", "idr slices and others are in one slot: it holds two pictures"
        )
    header = parse_slice_header(nal_unit)
    contents.is_idr = is_idr
    contents.pps_ids.add(header.pps_id)
    contents.has_b_slice |= header.is_b
    contents.rest.append(nal_unit)


def _add_parameter_set(contents: Contents, nal_unit: memoryview, role: _Role) -> None:
    # Behind a slice it belongs to the next picture (7.4.1.2.3), and must not overtake the slice.
    late = bool(contents.pps_ids)
    if late:
        contents.rest.append(nal_unit)
    if role is _Role.SPS:
        sets, maximum = contents.late_sps if late else contents.sps, _MAX_SPS
    else:
        sets, maximum = contents.late_pps if late else contents.pps, _MAX_PPS
    if len(sets) >= maximum:
        raise StreamError(
            "too_many_parameter_sets",
            f"more than {maximum} {role.name.lower()} nal units in one slot, the slot is dropped",
        )
    sets.append(nal_unit)
