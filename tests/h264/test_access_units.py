"""Access unit boundaries in files without an index."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petstream.errors import StreamError
from petstream.h264.access_units import split_access_units
from simulator.fixture import Fixture, fixture_names

SPS, PPS, SEI, AUD = b"\x67\x42\xc0\x1f", b"\x68\xce\x3c\x80", b"\x06\x05\x01\xff\x80", b"\x09\xf0"
IDR, P = b"\x65\x88\x84", b"\x41\x9a\x22"
IDR_LATER_SLICE, P_LATER_SLICE = b"\x65\x48\x84", b"\x41\x4a\x22"
END_OF_SEQUENCE, FILLER = b"\x0a", b"\x0c\xff\x80"

PICTURES = [
    [AUD, SPS, PPS, SEI, IDR],
    [SPS, PPS, IDR, IDR_LATER_SLICE, FILLER],
    [IDR],
    [P, P_LATER_SLICE, P_LATER_SLICE, END_OF_SEQUENCE],
    [SEI, P],
    [AUD, P],
    [PPS, P],
    [b"\x6e\x01", P],
]


def annexb(nal_units: list[bytes], start_code: bytes = b"\0\0\0\1") -> bytes:
    """NAL units as a byte stream."""
    return b"".join(start_code + nal_unit for nal_unit in nal_units)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(PICTURES), st.sampled_from([b"\0\0\1", b"\0\0\0\1"])),
        min_size=1,
        max_size=20,
    )
)
def test_pictures_are_told_apart(pictures: list[tuple[list[bytes], bytes]]) -> None:
    """Whatever follows whatever, with either start code, each access unit comes out whole."""
    units = [annexb(nal_units, start_code) for nal_units, start_code in pictures]
    assert split_access_units(b"".join(units)) == units


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from([700_000, 1_048_576, 2_500_000, 3]), min_size=1, max_size=4))
def test_access_units_may_be_larger_than_a_window(sizes: list[int]) -> None:
    """Where the windows end that a file is read in makes no difference."""
    units = [annexb([SPS, IDR + b"\xaa" * size]) for size in sizes]
    assert split_access_units(b"".join(units)) == units


@pytest.mark.parametrize("shift", range(8))
def test_a_start_code_may_lie_across_two_windows(shift: int) -> None:
    """A window that ends inside a start code loses none of it."""
    units = [annexb([P + b"\xaa" * ((1 << 20) - 9 - shift + extra)]) for extra in range(3)]
    assert split_access_units(b"".join(units)) == units


@pytest.mark.parametrize("name", fixture_names())
def test_the_clips_are_cut_as_their_indices_say(name: str) -> None:
    """An index is one witness, the rules of the standard are another."""
    units = Fixture.load(name).access_units
    assert tuple(split_access_units(b"".join(units))) == units


def test_bytes_around_the_stream_are_left_out() -> None:
    """Garbage in front is none of the first access unit, parameter sets at the end are no last."""
    stream = b"garbage" + annexb([SPS, IDR]) + annexb([P]) + annexb([SPS, PPS])
    assert split_access_units(stream) == [annexb([SPS, IDR]), annexb([P])]


@pytest.mark.parametrize("data", [b"", b"no start code", b"\0" * 5000, annexb([SPS, PPS])])
def test_a_stream_without_slices_has_no_access_units(data: bytes) -> None:
    """Nothing, garbage, zeros, and parameter sets alone."""
    assert split_access_units(data) == []


def test_a_file_of_nothing_but_start_codes_is_refused() -> None:
    """Bytes that would be a million NAL units are an error, and a quick one."""
    with pytest.raises(StreamError, match="start codes"):
        split_access_units(b"\0\0\1\x09" * 1_000_000)


def test_more_access_units_than_one_split_takes() -> None:
    """A long file of small access units is read to its end."""
    units = list(itertools.repeat(annexb([P + b"\xaa" * 600]), 10_000))
    assert split_access_units(b"".join(units)) == units
