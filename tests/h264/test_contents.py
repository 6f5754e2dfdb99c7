"""Sorting the NAL units of a slot."""

import pytest

from petstream.errors import StreamError
from petstream.h264.contents import read_contents
from tests.h264.builders import (
    AUD,
    B_SLICE,
    FILLER,
    SEI,
    annexb,
    as_bytes,
    make_pps,
    make_slice,
    make_sps,
    nal_unit,
)


def refused(data: bytes) -> str:
    with pytest.raises(StreamError) as caught:
        read_contents(data)
    return caught.value.reason


def test_each_nal_unit_goes_where_it_belongs() -> None:
    """Parameter sets, the rest and what is left out are told apart by their first byte."""
    slices = [make_slice(idr=True), make_slice(idr=True, first_mb=6)]
    contents = read_contents(annexb(AUD, make_sps(), make_pps(), SEI, *slices, FILLER))
    assert as_bytes(contents.sps) == [make_sps()]
    assert as_bytes(contents.pps) == [make_pps()]
    assert as_bytes(contents.rest) == [SEI, *slices]
    assert contents.is_idr
    assert contents.dropped == []


@pytest.mark.parametrize("kind", [2, 3, 4, 6, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
def test_other_types_are_kept_as_they_are(kind: int) -> None:
    """What a decoder knows, or may one day know, goes on untouched."""
    other = nal_unit(0x60 | kind, make_slice()[1:])
    contents = read_contents(annexb(make_slice(), other))
    assert as_bytes(contents.rest) == [make_slice(), other]


@pytest.mark.parametrize("kind", [0, *range(24, 32)])
def test_unspecified_types_are_dropped(kind: int) -> None:
    """Types that RFC 6184 uses for its own packets never go out as NAL units."""
    contents = read_contents(annexb(make_slice(), bytes([0x60 | kind, 0x88])))
    assert as_bytes(contents.rest) == [make_slice()]
    assert contents.dropped == ["unspecified_type"]


@pytest.mark.parametrize("header", range(0x80, 0x100))
def test_forbidden_bit_is_dropped(header: int) -> None:
    """A NAL unit with forbidden_zero_bit set is damaged, whatever type it claims."""
    contents = read_contents(annexb(make_slice(), bytes([header]) + make_slice()[1:]))
    assert as_bytes(contents.rest) == [make_slice()]
    assert contents.dropped == ["forbidden_bit"]


def test_slices_name_their_pps() -> None:
    """Every PPS that any slice, or data partition A, of the picture refers to is collected."""
    partition = b"\x42" + make_slice(pps_id=9)[1:]
    contents = read_contents(annexb(make_slice(pps_id=3), make_slice(pps_id=200), partition))
    assert contents.pps_ids == {3, 200, 9}


@pytest.mark.parametrize("kind", [B_SLICE, B_SLICE + 5])
def test_one_b_slice_is_noticed(kind: int) -> None:
    """A B slice anywhere in the picture is seen."""
    assert not read_contents(annexb(make_slice())).has_b_slice
    assert read_contents(annexb(make_slice(), make_slice(kind=kind), make_slice())).has_b_slice


def test_parameter_sets_behind_a_slice_stay_there() -> None:
    """What comes after a slice belongs to the next picture and does not overtake this one."""
    late = (make_sps(level=40), make_pps(init_qp=5))
    contents = read_contents(annexb(make_sps(), make_pps(), make_slice(idr=True), *late))
    assert as_bytes(contents.sps + contents.pps) == [make_sps(), make_pps()]
    assert as_bytes(contents.rest) == [make_slice(idr=True), *late]
    assert as_bytes(contents.late_sps + contents.late_pps) == list(late)


@pytest.mark.parametrize("data", [b"", bytes(50), b"\x00\x00\x01", b"no start code at all"])
def test_slot_without_nal_units_is_refused(data: bytes) -> None:
    """Bytes with no NAL unit in them are an error with a reason."""
    assert refused(data) == "no_nal_unit"


def test_two_pictures_in_a_slot_are_refused() -> None:
    """IDR slices beside others cannot be one picture, in either order."""
    assert refused(annexb(make_slice(), make_slice(idr=True))) == "mixed_pictures"
    assert refused(annexb(make_slice(idr=True), make_slice())) == "mixed_pictures"


def test_slice_without_a_header_is_refused() -> None:
    """One slice cut off right behind its first byte spoils the picture."""
    assert refused(annexb(make_slice(), b"\x41")) == "bad_slice_header"


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(("nal", "maximum"), [(make_sps(), 32), (make_pps(), 256)])
def test_more_parameter_sets_than_there_are_ids_are_refused(
    nal: bytes, maximum: int, behind: bool
) -> None:
    """As many as the standard has ids for are read, one more is not."""
    sets = [nal] * maximum
    idr = make_slice(idr=True)
    assert read_contents(annexb(idr, *sets) if behind else annexb(*sets, idr)).is_idr
    one_more = annexb(idr, *sets, nal) if behind else annexb(nal, *sets, idr)
    assert refused(one_more) == "too_many_parameter_sets"
