"""Video usability information at the end of an SPS: timing and reordering (H.264 Annex E).

Strategy: every field is walked over in order because none has a fixed place, and only those that
matter to a server which never decodes are kept.
"""

from dataclasses import dataclass

from petstream.errors import StreamError
from petstream.h264.bits import BitReader

__all__ = ["Vui", "parse_vui"]

_EXTENDED_SAR = 255
# MaxDpbFrames is 16 at most (A.3.1 h), and nothing can be reordered beyond it (E.2.1).
_MAX_DPB_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Vui:
    """What a VUI says of time and order; each is None where it says nothing.

    Attributes:
        frame_rate: frames a second.
        max_num_reorder_frames: frames that may precede another in decoding order and follow it
            in output order; 0 means that there is no reordering.
        max_dec_frame_buffering: frame buffers that a decoder needs.
    """

    frame_rate: float | None = None
    max_num_reorder_frames: int | None = None
    max_dec_frame_buffering: int | None = None


def parse_vui(bits: BitReader) -> Vui:
    """Read vui_parameters() (E.1.1).

    Raises:
        StreamError: ``bad_syntax``.
    """
    _skip_display_information(bits)
    frame_rate = _timing(bits) if bits.flag() else None
    _skip_hrd_information(bits)
    bits.skip(1)  # pic_struct_present_flag
    if not bits.flag():
        return Vui(frame_rate)
    bits.skip(1)  # motion_vectors_over_pic_boundaries_flag
    for _ in range(4):  # max_bytes_per_pic_denom to log2_max_mv_length_vertical
        bits.ue()
    reorder = bits.ue_at_most(_MAX_DPB_FRAMES, "max_num_reorder_frames")
    buffering = bits.ue_at_most(_MAX_DPB_FRAMES, "max_dec_frame_buffering")
    if reorder > buffering:
        raise StreamError(
            "bad_syntax",
            f"max_num_reorder_frames is {reorder}, but max_dec_frame_buffering only {buffering}",
        )
    return Vui(frame_rate, reorder, buffering)


def _skip_display_information(bits: BitReader) -> None:
    if bits.flag() and bits.u(8) == _EXTENDED_SAR:  # aspect_ratio_info_present_flag
        bits.skip(32)
    if bits.flag():  # overscan_info_present_flag
        bits.skip(1)
    if bits.flag():  # video_signal_type_present_flag
        bits.skip(4)
        if bits.flag():  # colour_description_present_flag
            bits.skip(24)
    if bits.flag():  # chroma_loc_info_present_flag
        bits.ue()
        bits.ue()


def _timing(bits: BitReader) -> float | None:
    """Frames a second; a tick is a field, so a frame lasts two (E.2.1)."""
    num_units_in_tick = bits.u(32)
    time_scale = bits.u(32)
    bits.skip(1)  # fixed_frame_rate_flag
    if not num_units_in_tick or not time_scale:
        return None
    return time_scale / (2 * num_units_in_tick)


def _skip_hrd_information(bits: BitReader) -> None:
    nal_hrd = bits.flag()
    if nal_hrd:
        _skip_hrd(bits)
    vcl_hrd = bits.flag()
    if vcl_hrd:
        _skip_hrd(bits)
    if nal_hrd or vcl_hrd:
        bits.skip(1)  # low_delay_hrd_flag


def _skip_hrd(bits: BitReader) -> None:
    """hrd_parameters() (E.1.2)."""
    cpb_count = bits.ue_at_most(31, "cpb_cnt_minus1") + 1
    bits.skip(8)
    for _ in range(cpb_count):
        bits.ue()
        bits.ue()
        bits.skip(1)
    bits.skip(20)
