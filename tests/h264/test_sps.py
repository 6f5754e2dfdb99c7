"""Parsing sequence parameter sets: by hand, by an encoder, and by an enemy."""

import contextlib
from fractions import Fraction

import pytest
from av.video.frame import PictureType
from hypothesis import example, given
from hypothesis import strategies as st

from petstream.errors import SpsError
from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.sps import MAX_SPS_SIZE, Sps, parse_sps
from petstream.h264.vui import Vui
from tests.h264.bit_writer import BitWriter
from tests.h264.builders import make_pps, make_sps, nal_unit
from tests.h264.encoding import decode, encode
from tests.h264.sps_writer import WrittenSps, written_sps

# Profile names as libavcodec has them, and the first two bytes behind the SPS header.
PROFILES = {
    "baseline": (66, "Constrained Baseline"),
    "main": (77, "Main"),
    "high": (100, "High"),
    "high10": (110, "High 10"),
    "high422": (122, "High 4:2:2"),
    "high444": (244, "High 4:4:4 Predictive"),
}
# Makes libx264 use as many B-frames as bf allows instead of choosing for itself.
B_FRAMES = {"b_strategy": "0", "sc_threshold": "0"}


def encoded_sps(access_units: list[bytes]) -> Sps:
    found = [n for n in split_annexb(access_units[0]) if nal_unit_type(n) == NalUnitType.SPS]
    assert len(found) == 1
    return parse_sps(found[0])


@given(written_sps())
def test_every_field_is_read_as_written(written: WrittenSps) -> None:
    """An SPS through any branch of the syntax gives back what went in."""
    sps = parse_sps(written.nal_unit)
    assert (sps.profile_idc, sps.constraint_flags, sps.level_idc, sps.sps_id) == (
        written.profile_idc,
        written.constraint_flags,
        written.level_idc,
        written.sps_id,
    )
    assert (sps.width, sps.height) == (written.width, written.height)
    assert sps.max_num_ref_frames == written.max_num_ref_frames
    assert (sps.chroma_format_idc, sps.bit_depth) == (written.chroma_format_idc, written.bit_depth)
    assert sps.vui.max_num_reorder_frames == written.reorder_in_vui
    if written.frame_rate is None:
        assert sps.frame_rate is None
    else:
        assert sps.frame_rate == pytest.approx(written.frame_rate)


@pytest.mark.parametrize(
    ("profile", "pixel_format"),
    [
        ("baseline", "yuv420p"),
        ("main", "yuv420p"),
        ("high", "yuv420p"),
        ("high10", "yuv420p10le"),
        ("high422", "yuv422p"),
        ("high444", "yuv444p"),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(64, 48), (102, 66), (854, 480), (1920, 1080)])
def test_decoder_agrees_about_profile_and_size(
    profile: str, pixel_format: str, width: int, height: int
) -> None:
    """Profile and cropped size are what libavcodec finds in the same stream."""
    stream = encode(
        width,
        height,
        frames=1,
        pixel_format=pixel_format,
        options={"profile": profile, "preset": "veryfast"},
    )
    sps = encoded_sps(stream)
    decoder, frames = decode(stream)
    assert (sps.width, sps.height) == (frames[0].width, frames[0].height) == (width, height)
    assert (sps.profile_idc, decoder.profile) == PROFILES[profile]


@pytest.mark.parametrize("level", ["1.1", "3.0", "3.1", "4.0", "4.2", "5.1"])
def test_level_is_the_one_asked_for(level: str) -> None:
    """level_idc is ten times the level that the encoder was given."""
    sps = encoded_sps(encode(64, 48, frames=1, options={"profile": "baseline", "level": level}))
    assert sps.level_idc == round(float(level) * 10)
    assert sps.profile_level_id == f"42c0{sps.level_idc:02x}"


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(25), Fraction(30000, 1001), Fraction(5)])
def test_frame_rate_is_the_encoders(rate: Fraction) -> None:
    """The VUI's timing is read as frames, not fields, a second."""
    sps = encoded_sps(encode(64, 48, frames=1, rate=rate))
    assert sps.frame_rate == pytest.approx(float(rate))


def test_interlaced_height_counts_both_fields() -> None:
    """A stream of field pairs has the height of the frame, cropping by field included."""
    stream = encode(102, 68, frames=1, options={"profile": "high", "x264-params": "tff=1"})
    sps = encoded_sps(stream)
    assert (sps.width, sps.height, sps.frame_mbs_only) == (102, 68, False)


def test_hrd_in_front_of_the_reordering_is_walked_over() -> None:
    """Buffering parameters do not hide how many frames are reordered."""
    params = "nal-hrd=cbr:bitrate=500:vbv-maxrate=500:vbv-bufsize=500"
    sps = encoded_sps(encode(64, 48, frames=8, options={"bf": "2", "x264-params": params}))
    assert sps.max_num_reorder_frames is not None
    assert sps.max_num_reorder_frames > 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"profile": "baseline"}, False),
        ({"profile": "main", "bf": "0"}, False),
        ({"profile": "high", "tune": "zerolatency"}, False),
        ({"profile": "main", "bf": "2", **B_FRAMES}, True),
        ({"profile": "high", "bf": "3", "b-pyramid": "normal", **B_FRAMES}, True),
    ],
)
def test_b_frame_hint_agrees_with_the_decoder(options: dict[str, str], expected: bool) -> None:
    """The hint is given exactly when decoded pictures include B-frames."""
    stream = encode(64, 48, frames=12, options=options)
    _, frames = decode(stream)
    assert any(frame.pict_type == PictureType.B for frame in frames) is expected
    assert encoded_sps(stream).may_have_b_frames is expected


@pytest.mark.parametrize(
    ("profile", "flags", "poc_type", "reorder", "expected"),
    [
        (66, 0x00, 0, 2, False),
        (77, 0x80, 0, 2, False),
        (44, 0x00, 0, 2, False),
        (110, 0x10, 0, 2, False),
        (77, 0x10, 0, 2, True),
        (100, 0x00, 2, 2, False),
        (100, 0x00, 0, None, False),
        (77, 0x40, 0, 0, False),
        (100, 0x00, 1, 1, True),
    ],
)
def test_b_frame_hint_follows_profile_order_and_vui(
    profile: int, flags: int, poc_type: int, reorder: int | None, expected: bool
) -> None:
    """Profiles and order types without B-frames overrule the VUI, and silence is no hint."""
    sps = Sps(profile, flags, 31, 0, 64, 48, 1, poc_type, vui=Vui(None, reorder, 4))
    assert sps.may_have_b_frames is expected


def test_profile_level_id_has_six_digits() -> None:
    """Constrained baseline 3.1 is 42e01f, the id every browser offers."""
    assert parse_sps(make_sps(level=31)).profile_level_id == "42e01f"


def test_sps_is_a_value() -> None:
    """Two parses of the same bytes are equal and hash alike."""
    assert len({parse_sps(make_sps()), parse_sps(memoryview(make_sps()))}) == 1


def broken(*elements: tuple[int, int | None], profile: int = 66) -> bytes:
    """An SPS of these elements, (value, bits) or (value, None) for Exp-Golomb."""
    bits = BitWriter()
    for value in (profile, 0, 31):
        bits.u(value, 8)
    for value, length in elements:
        if length is None:
            bits.ue(value)
        else:
            bits.u(value, length)
    return nal_unit(0x67, bits.rbsp())


UE = None


@pytest.mark.parametrize(
    ("nal", "message"),
    [
        (b"", "0 bytes are no sps"),
        (b"\x67\x42\x00", "3 bytes are no sps"),
        (make_pps(), "no sps"),
        (b"\x67" + bytes([66, 0, 31]) + b"\xff" * MAX_SPS_SIZE, "maximum is 8192"),
        (b"\x67\x42\x00\x1f", "needs"),
        (broken((32, UE)), "seq_parameter_set_id is 32, maximum is 31"),
        (broken((0, UE), (13, UE)), "log2_max_frame_num_minus4 is 13"),
        (broken((0, UE), (0, UE), (3, UE)), "pic_order_cnt_type is 3"),
        (broken((0, UE), (0, UE), (0, UE), (13, UE)), "log2_max_pic_order_cnt_lsb_minus4 is 13"),
        (
            broken((0, UE), (0, UE), (1, UE), (1, 1), (0, UE), (0, UE), (256, UE)),
            "num_ref_frames_in_pic_order_cnt_cycle is 256",
        ),
        (broken((0, UE), (0, UE), (2, UE), (17, UE)), "max_num_ref_frames is 17"),
        (broken((0, UE), (0, UE), (2, UE), (1, UE), (0, 1), (1055, UE)), "pic_width_in_mbs_minus1"),
        (
            broken((0, UE), (0, UE), (2, UE), (1, UE), (0, 1), (3, UE), (2**32 - 2, UE)),
            "pic_height_in_map_units_minus1 is 4294967294",
        ),
        (broken((0, UE), (4, UE), profile=100), "chroma_format_idc is 4"),
        (broken((0, UE), (1, UE), (7, UE), profile=100), "bit_depth_luma_minus8 is 7"),
        (broken((0, UE), (1, UE), (0, UE), (7, UE), profile=100), "bit_depth_chroma_minus8 is 7"),
        (
            broken((0, UE), (1, UE), (0, UE), (0, UE), (0b011, 3), (257, UE), profile=100),
            "delta_scale is 129",
        ),
    ],
)
def test_number_out_of_range_is_named(nal: bytes, message: str) -> None:
    """Each field that is not what the standard allows ends the parse with its name and limit."""
    with pytest.raises(SpsError, match=message):
        parse_sps(nal)


def test_cropping_everything_is_refused() -> None:
    """A picture of no pixels, or fewer, is no picture."""
    head = ((0, UE), (0, UE), (2, UE), (1, UE), (0, 1), (3, UE), (2, UE), (0b111, 3))
    for crops in ((16, 16, 0, 0), (0, 0, 24, 0), (2**32 - 2, 0, 0, 0)):
        with pytest.raises(SpsError, match="cropping 64x48 leaves"):
            parse_sps(broken(*head, *((crop, UE) for crop in crops)))


def test_broken_vui_counts_as_absent() -> None:
    """An SPS that ends inside its VUI keeps its size, and says nothing of time or order."""
    size = ((0, UE), (0, UE), (2, UE), (1, UE), (0, 1), (3, UE), (2, UE), (0b110, 3))
    sps = parse_sps(broken(*size, (1, 1), (0b00001, 5), (1, 32)))
    assert (sps.width, sps.height, sps.vui) == (64, 48, Vui())


def test_reordering_beyond_the_buffer_makes_a_vui_void() -> None:
    """max_num_reorder_frames over max_dec_frame_buffering is a VUI not to be believed."""
    size = ((0, UE), (0, UE), (0, UE), (0, UE), (1, UE), (0, 1), (3, UE), (2, UE), (0b110, 3))
    restriction = ((1, 1), (0, 8), (0b11, 2), (0, UE), (0, UE), (0, UE), (0, UE))
    good = parse_sps(broken(*size, *restriction, (2, UE), (4, UE), profile=77))
    bad = parse_sps(broken(*size, *restriction, (5, UE), (4, UE), profile=77))
    assert good.max_num_reorder_frames == 2
    assert bad.vui == Vui()


@given(st.binary(max_size=80))
@example(b"\x00\x00\x03")
@example(b"\x42\x00\x1f" + bytes(80))
@example(b"\x64\x00\x1f" + b"\xff" * 80)
def test_random_bytes_give_an_sps_or_the_typed_error(payload: bytes) -> None:
    """Nothing behind an SPS header byte raises anything but SpsError."""
    try:
        sps = parse_sps(b"\x67" + payload)
    except SpsError:
        return
    assert 0 < sps.width <= 16_880
    assert 0 < sps.height <= 33_760
    assert len(sps.profile_level_id) == 6


@given(written_sps(), st.data())
def test_mutated_sps_gives_an_sps_or_the_typed_error(
    written: WrittenSps, data: st.DataObject
) -> None:
    """A good SPS with a byte changed, or cut anywhere, raises nothing but SpsError."""
    nal = bytearray(written.nal_unit)
    nal[data.draw(st.integers(1, len(nal) - 1))] = data.draw(st.integers(0, 255))
    for candidate in (bytes(nal), written.nal_unit[: data.draw(st.integers(0, len(nal)))]):
        with contextlib.suppress(SpsError):
            assert parse_sps(candidate).sps_id < 32
