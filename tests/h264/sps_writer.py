"""Any SPS at all: hypothesis takes every branch of its syntax and of the VUI's."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from petstream.h264.nal import escape_rbsp
from tests.h264.bit_writer import BitWriter

__all__ = ["WrittenSps", "written_sps"]

HIGH = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]
SUB_WIDTH = {0: 1, 1: 2, 2: 2, 3: 1}
SUB_HEIGHT = {0: 1, 1: 2, 2: 1, 3: 1}


@dataclass
class WrittenSps:
    """An SPS NAL unit and what a parser has to read from it."""

    nal_unit: bytes
    profile_idc: int
    constraint_flags: int
    level_idc: int
    sps_id: int
    width: int
    height: int
    max_num_ref_frames: int
    chroma_format_idc: int
    bit_depth: int
    frame_rate: float | None
    reorder_in_vui: int | None


@st.composite
def written_sps(draw: st.DrawFn) -> WrittenSps:
    bits = BitWriter()
    profile = draw(st.sampled_from([66, 77, 88, *HIGH]))
    flags, level = draw(st.integers(0, 255)), draw(st.integers(0, 255))
    for byte in (profile, flags, level):
        bits.u(byte, 8)
    sps_id = draw(st.integers(0, 31))
    bits.ue(sps_id)
    chroma, array_type, depth = (1, 1, 8) if profile not in HIGH else _chroma(draw, bits)
    bits.ue(draw(st.integers(0, 12)))
    _picture_order(draw, bits)
    refs = draw(st.integers(0, 16))
    bits.ue(refs)
    bits.u(draw(st.integers(0, 1)), 1)
    width, height = _size(draw, bits, array_type)
    frame_rate, reorder = _vui(draw, bits)
    nal = b"\x67" + escape_rbsp(bits.rbsp())
    return WrittenSps(
        nal, profile, flags, level, sps_id, width, height, refs, chroma, depth, frame_rate, reorder
    )


def _chroma(draw: st.DrawFn, bits: BitWriter) -> tuple[int, int, int]:
    chroma = draw(st.integers(0, 3))
    bits.ue(chroma)
    separate = draw(st.booleans()) if chroma == 3 else False
    if chroma == 3:
        bits.u(separate, 1)
    depth = draw(st.integers(8, 14))
    bits.ue(depth - 8)
    bits.ue(draw(st.integers(0, 6)))
    bits.u(0, 1)
    lists = draw(st.booleans())
    bits.u(lists, 1)
    if lists:
        for index in range(12 if chroma == 3 else 8):
            _scaling_list(draw, bits, 16 if index < 6 else 64)
    return chroma, 0 if separate else chroma, depth


def _scaling_list(draw: st.DrawFn, bits: BitWriter, size: int) -> None:
    present = draw(st.booleans())
    bits.u(present, 1)
    if not present:
        return
    scales = draw(st.lists(st.integers(1, 255), max_size=size))
    last = 8
    for scale in scales:
        bits.se((scale - last + 128) % 256 - 128)
        last = scale
    if len(scales) < size:
        bits.se((0 - last + 128) % 256 - 128)


def _picture_order(draw: st.DrawFn, bits: BitWriter) -> None:
    kind = draw(st.integers(0, 2))
    bits.ue(kind)
    if kind == 0:
        bits.ue(draw(st.integers(0, 12)))
    elif kind == 1:
        bits.u(1, 1)
        bits.se(draw(st.integers(-(2**31) + 1, 2**31 - 1)))
        bits.se(draw(st.integers(-1000, 1000)))
        offsets = draw(st.lists(st.integers(-1000, 1000), max_size=255))
        bits.ue(len(offsets))
        for offset in offsets:
            bits.se(offset)


def _size(draw: st.DrawFn, bits: BitWriter, array_type: int) -> tuple[int, int]:
    width_mbs, map_units = draw(st.integers(2, 1055)), draw(st.integers(2, 1055))
    progressive = draw(st.booleans())
    bits.ue(width_mbs - 1)
    bits.ue(map_units - 1)
    bits.u(progressive, 1)
    if not progressive:
        bits.u(draw(st.integers(0, 1)), 1)
    bits.u(1, 1)
    fields = 1 if progressive else 2
    width, height = width_mbs * 16, map_units * 16 * fields
    cropped = draw(st.booleans())
    bits.u(cropped, 1)
    if cropped:
        left, right, top, bottom = (draw(st.integers(0, 7)) for _ in range(4))
        for crop in (left, right, top, bottom):
            bits.ue(crop)
        width -= SUB_WIDTH[array_type] * (left + right)
        height -= SUB_HEIGHT[array_type] * fields * (top + bottom)
    return width, height


def _vui(draw: st.DrawFn, bits: BitWriter) -> tuple[float | None, int | None]:
    if not _flag(draw, bits):
        return None, None
    if _flag(draw, bits):  # aspect ratio
        ratio = draw(st.sampled_from([1, 2, 255]))
        bits.u(ratio, 8)
        if ratio == 255:
            bits.u(0x0004_0003, 32)
    if _flag(draw, bits):  # overscan
        bits.u(1, 1)
    if _flag(draw, bits):  # video signal type
        bits.u(5, 3)
        bits.u(1, 1)
        if _flag(draw, bits):
            bits.u(0x010101, 24)
    if _flag(draw, bits):  # chroma location
        bits.ue(draw(st.integers(0, 5)))
        bits.ue(draw(st.integers(0, 5)))
    frame_rate = None
    if _flag(draw, bits):  # timing
        tick, scale = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 2**32 - 1))
        bits.u(tick, 32)
        bits.u(scale, 32)
        bits.u(1, 1)
        frame_rate = float(Fraction(scale, 2 * tick)) if tick and scale else None
    hrds = [_flag(draw, bits) and _hrd(draw, bits) for _ in range(2)]
    if any(hrds):
        bits.u(0, 1)
    bits.u(1, 1)  # pic_struct_present_flag
    if not _flag(draw, bits):  # bitstream restriction
        return frame_rate, None
    bits.u(1, 1)
    for _ in range(4):
        bits.ue(draw(st.integers(0, 16)))
    reorder = draw(st.integers(0, 16))
    bits.ue(reorder)
    bits.ue(draw(st.integers(reorder, 16)))
    return frame_rate, reorder


def _hrd(draw: st.DrawFn, bits: BitWriter) -> bool:
    count = draw(st.integers(1, 32))
    bits.ue(count - 1)
    bits.u(0x21, 8)
    for _ in range(count):
        bits.ue(draw(st.integers(0, 2**32 - 2)))
        bits.ue(1000)
        bits.u(0, 1)
    bits.u(0x8C631, 20)
    return True


def _flag(draw: st.DrawFn, bits: BitWriter) -> bool:
    value = draw(st.booleans())
    bits.u(value, 1)
    return value
