"""Sequence parameter sets: profile, level, picture size and whether pictures are reordered.

Strategy: walk seq_parameter_set_data() (H.264 clause 7.3.2.1.1) field by field, check every number
against the range that clause 7.4.2.1.1 gives it, and turn whatever does not fit into an SpsError.
The VUI is the one exception: no sample depends on it and decoders play a stream whose VUI is
broken, so a VUI that does not parse counts as absent.
"""

from dataclasses import dataclass, field

from petstream.errors import SpsError, StreamError
from petstream.h264.bits import BitReader
from petstream.h264.nal import NalUnit, NalUnitType, nal_unit_type, unescape_rbsp
from petstream.h264.vui import Vui, parse_vui

__all__ = ["MAX_SPS_SIZE", "Sps", "parse_sps"]

# Scaling lists, picture order offsets and HRDs all at their largest make about 4,100 bytes, and
# emulation prevention adds at most half of that. Encoders write 10 to 100.
MAX_SPS_SIZE = 8192

_BASELINE = 66
_CAVLC_444_INTRA = 44
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_INTRA_CAPABLE_PROFILES = frozenset({100, 110, 122, 244})
_CONSTRAINT_SET0 = 0x80
_CONSTRAINT_SET3 = 0x10
# Sqrt(MaxFS * 8) at level 6.2, the highest (Table A-1, A.3.1 f and g): 16,880 pixels.
_MAX_SIDE_IN_MBS = 1055
# SubWidthC and SubHeightC by ChromaArrayType (Table 6-1); monochrome is cropped by the pixel.
_CROP_UNITS = ((1, 1), (2, 2), (2, 1), (1, 1))


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says.

    Attributes:
        profile_idc: 66 baseline, 77 main, 100 high, ... (Annex A).
        constraint_flags: the byte after it, constraint_set0_flag in the highest bit.
        level_idc: ten times the level's number.
        sps_id: seq_parameter_set_id, 0 to 31.
        width, height: size in pixels of what is shown, cropping done.
        max_num_ref_frames: pictures that a decoder keeps for reference.
        pic_order_cnt_type: 2 means that output order is decoding order.
        frame_mbs_only: no fields, every picture is progressive.
        chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        bit_depth: bits of a luma sample.
        vui: timing and reordering, empty when absent.
    """

    profile_idc: int
    constraint_flags: int
    level_idc: int
    sps_id: int
    width: int
    height: int
    max_num_ref_frames: int
    pic_order_cnt_type: int
    frame_mbs_only: bool = True
    chroma_format_idc: int = 1
    bit_depth: int = 8
    vui: Vui = field(default_factory=Vui)

    @property
    def profile_level_id(self) -> str:
        """The six hexadecimal digits of RFC 6184 section 8.1, such as ``42e01f``."""
        return f"{self.profile_idc:02x}{self.constraint_flags:02x}{self.level_idc:02x}"

    @property
    def frame_rate(self) -> float | None:
        """Frames a second as the VUI has it; None when it does not say."""
        return self.vui.frame_rate

    @property
    def max_num_reorder_frames(self) -> int | None:
        """How far output order can be from decoding order; None when it does not say."""
        if self._forbids_b_frames:
            return 0
        return self.vui.max_num_reorder_frames

    @property
    def may_have_b_frames(self) -> bool:
        """A hint that pictures come in another order than they are shown in.

        False for baseline and intra-only profiles, for picture order count type 2 (output order
        is decoding order, 8.2.1.3) and for max_num_reorder_frames 0; True above 0. An SPS that
        leaves it open gives False: most cameras that write main or high profile without a VUI
        have no B-frames, and B slices show themselves in the stream (Processor.b_frames_seen).
        """
        return (self.max_num_reorder_frames or 0) > 0

    @property
    def _forbids_b_frames(self) -> bool:
        # A.2.1, and A.2.8 to A.2.11 for the intra profiles; constraint_set0_flag promises baseline.
        if self.profile_idc in (_BASELINE, _CAVLC_444_INTRA):
            return True
        if self.constraint_flags & _CONSTRAINT_SET0 or self.pic_order_cnt_type == 2:
            return True
        intra = self.profile_idc in _INTRA_CAPABLE_PROFILES
        return intra and bool(self.constraint_flags & _CONSTRAINT_SET3)


def parse_sps(nal_unit: NalUnit) -> Sps:
    """Parse an SPS NAL unit, its header byte included.

    Raises:
        SpsError: it is no SPS, is cut off, or a number in it is out of range.
    """
    size = len(nal_unit)
    if size > MAX_SPS_SIZE:
        raise SpsError(f"sps has {size} bytes, maximum is {MAX_SPS_SIZE}")
    if size < 4 or nal_unit_type(nal_unit) != NalUnitType.SPS:
        raise SpsError(f"{size} bytes are no sps: at least 4 and nal_unit_type 7 are needed")
    try:
        return _parse(unescape_rbsp(nal_unit[1:]))
    except SpsError:
        raise
    except StreamError as error:
        raise SpsError(f"sps does not parse: {error}") from error


def _parse(rbsp: bytes) -> Sps:
    bits = BitReader(rbsp)
    profile_idc, constraint_flags, level_idc = (bits.u(8) for _ in range(3))
    sps_id = bits.ue_at_most(31, "seq_parameter_set_id")
    chroma_format_idc, chroma_array_type, bit_depth = 1, 1, 8
    if profile_idc in _HIGH_PROFILES:
        chroma_format_idc, chroma_array_type, bit_depth = _parse_chroma(bits)
    bits.ue_at_most(12, "log2_max_frame_num_minus4")
    pic_order_cnt_type = _parse_picture_order(bits)
    max_num_ref_frames = bits.ue_at_most(16, "max_num_ref_frames")
    bits.skip(1)  # gaps_in_frame_num_value_allowed_flag
    width, height, frame_mbs_only = _parse_size(bits, chroma_array_type)
    return Sps(
        profile_idc=profile_idc,
        constraint_flags=constraint_flags,
        level_idc=level_idc,
        sps_id=sps_id,
        width=width,
        height=height,
        max_num_ref_frames=max_num_ref_frames,
        pic_order_cnt_type=pic_order_cnt_type,
        frame_mbs_only=frame_mbs_only,
        chroma_format_idc=chroma_format_idc,
        bit_depth=bit_depth,
        vui=_parse_optional_vui(bits),
    )


def _parse_chroma(bits: BitReader) -> tuple[int, int, int]:
    """The part that only high profiles have: chroma_format_idc, ChromaArrayType, bit depth."""
    chroma_format_idc = bits.ue_at_most(3, "chroma_format_idc")
    separate_planes = chroma_format_idc == 3 and bits.flag()
    bit_depth = bits.ue_at_most(6, "bit_depth_luma_minus8") + 8
    bits.ue_at_most(6, "bit_depth_chroma_minus8")
    bits.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():  # seq_scaling_matrix_present_flag
        for index in range(12 if chroma_format_idc == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma_format_idc, 0 if separate_planes else chroma_format_idc, bit_depth


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    """scaling_list() (7.3.2.1.1.1): deltas until the list is full or a scale becomes 0."""
    scale = 8
    for _ in range(size):
        delta = bits.se()
        if not -128 <= delta <= 127:
            raise SpsError(f"delta_scale is {delta}, allowed is -128 to 127")
        scale = (scale + delta) & 0xFF
        if scale == 0:
            return


def _parse_picture_order(bits: BitReader) -> int:
    pic_order_cnt_type = bits.ue_at_most(2, "pic_order_cnt_type")
    if pic_order_cnt_type == 0:
        bits.ue_at_most(12, "log2_max_pic_order_cnt_lsb_minus4")
    elif pic_order_cnt_type == 1:
        bits.skip(1)  # delta_pic_order_always_zero_flag
        bits.se()
        bits.se()
        for _ in range(bits.ue_at_most(255, "num_ref_frames_in_pic_order_cnt_cycle")):
            bits.se()
    return pic_order_cnt_type


def _parse_size(bits: BitReader, chroma_array_type: int) -> tuple[int, int, bool]:
    """Width and height in pixels after cropping (7-13 to 7-22), and frame_mbs_only_flag."""
    width = (bits.ue_at_most(_MAX_SIDE_IN_MBS - 1, "pic_width_in_mbs_minus1") + 1) * 16
    map_units = bits.ue_at_most(_MAX_SIDE_IN_MBS - 1, "pic_height_in_map_units_minus1") + 1
    frame_mbs_only = bits.flag()
    if not frame_mbs_only:
        bits.skip(1)  # mb_adaptive_frame_field_flag
    bits.skip(1)  # direct_8x8_inference_flag
    fields = 1 if frame_mbs_only else 2
    height = map_units * 16 * fields
    if bits.flag():  # frame_cropping_flag
        unit_x, unit_y = _CROP_UNITS[chroma_array_type]
        left, right, top, bottom = (bits.ue() for _ in range(4))
        shown_width = width - unit_x * (left + right)
        shown_height = height - unit_y * fields * (top + bottom)
        if shown_width <= 0 or shown_height <= 0:
            raise SpsError(f"cropping {width}x{height} leaves {shown_width}x{shown_height}")
        width, height = shown_width, shown_height
    return width, height, frame_mbs_only


def _parse_optional_vui(bits: BitReader) -> Vui:
    try:
        return parse_vui(bits) if bits.flag() else Vui()
    except StreamError:
        return Vui()
