"""The beginning of slice headers."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import StreamError
from petstream.h264.slice_header import parse_slice_header
from tests.h264.builders import make_slice


@given(st.integers(0, 139_263), st.integers(0, 9), st.integers(0, 255))
def test_fields_come_back(first_mb: int, kind: int, pps_id: int) -> None:
    """Address, type and PPS id of any slice are read as written."""
    header = parse_slice_header(make_slice(first_mb=first_mb, kind=kind, pps_id=pps_id))
    assert (header.first_mb_in_slice, header.slice_type, header.pps_id) == (first_mb, kind, pps_id)
    assert header.is_b is (kind in (1, 6))


def test_every_header_of_a_few_bits_comes_back() -> None:
    """Those that end within the first byte, and those that end just behind it."""
    for fields in itertools.product(range(8), range(10), range(8)):
        first_mb, kind, pps_id = fields
        header = parse_slice_header(make_slice(first_mb=first_mb, kind=kind, pps_id=pps_id))
        assert (header.first_mb_in_slice, header.slice_type, header.pps_id) == fields


def test_emulation_prevention_in_the_header_is_taken_out() -> None:
    """A first_mb_in_slice whose code begins with zero bytes is read through the escape."""
    nal = make_slice(first_mb=2**24, kind=7, pps_id=255)
    assert nal[1:4] == b"\x00\x00\x03"
    header = parse_slice_header(nal)
    assert (header.first_mb_in_slice, header.slice_type, header.pps_id) == (2**24, 7, 255)


@pytest.mark.parametrize(
    "nal", [b"\x65", b"\x41\x00\x00\x03\x00\x00\x03\x00\x00", b"\x41\x80", make_slice(pps_id=256)]
)
def test_header_that_is_none_is_refused(nal: bytes) -> None:
    """A header cut off, or with a PPS id that cannot be, is a bad slice header."""
    with pytest.raises(StreamError) as caught:
        parse_slice_header(nal)
    assert caught.value.reason == "bad_slice_header"


@given(st.binary(max_size=24))
def test_random_bytes_give_only_the_typed_error(data: bytes) -> None:
    """Nothing behind a slice's first byte can raise anything but StreamError."""
    with contextlib.suppress(StreamError):
        assert parse_slice_header(b"\x41" + data).slice_type <= 9
