"""Reading bits and Exp-Golomb codes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import StreamError
from petstream.h264.bits import BitReader
from tests.h264.bit_writer import BitWriter

elements = st.lists(
    st.one_of(
        st.tuples(st.just("u"), st.integers(0, 2**32 - 1)),
        st.tuples(st.just("flag"), st.booleans()),
        st.tuples(st.just("ue"), st.integers(0, 2**32 - 2)),
        st.tuples(st.just("se"), st.integers(-(2**31) + 1, 2**31 - 1)),
    ),
    max_size=30,
)


@given(elements)
def test_what_was_written_is_read(written: list[tuple[str, int]]) -> None:
    """Any mixture of u(n), ue(v) and se(v) comes back value for value."""
    bits = BitWriter()
    for kind, value in written:
        if kind in ("u", "flag"):
            bits.u(value, 32 if kind == "u" else 1)
        else:
            getattr(bits, kind)(value)
    reader = BitReader(bits.rbsp())
    for kind, value in written:
        assert (reader.u(32) if kind == "u" else getattr(reader, kind)()) == value
    assert reader.flag() is True


@pytest.mark.parametrize(
    ("bits", "unsigned", "signed"),
    [("1", 0, 0), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("00101", 4, -2)],
)
def test_codes_are_those_of_the_standard(bits: str, unsigned: int, signed: int) -> None:
    """Tables 9-2 and 9-3."""
    data = bytes([int(bits.ljust(8, "0"), 2)])
    assert BitReader(data).ue() == unsigned
    assert BitReader(data).se() == signed


@given(st.binary(max_size=12), st.lists(st.sampled_from(["ue", "se", "flag"]), max_size=120))
def test_reads_end_with_a_typed_error(data: bytes, reads: list[str]) -> None:
    """Random bytes give values or a StreamError, and no read goes past the end."""
    reader = BitReader(data)
    with contextlib.suppress(StreamError):
        for read in reads:
            getattr(reader, read)()
    assert reader.position <= len(data) * 8


@given(st.binary(max_size=12), st.integers(0, 120))
def test_skip_and_read_agree_about_the_end(data: bytes, count: int) -> None:
    """Skipping bits succeeds exactly where reading them does."""
    if count <= len(data) * 8:
        BitReader(data).skip(count)
        assert BitReader(data).u(count) == int.from_bytes(data, "big") >> (len(data) * 8 - count)
        return
    with pytest.raises(StreamError, match="syntax needs"):
        BitReader(data).skip(count)
    with pytest.raises(StreamError, match="syntax needs"):
        BitReader(data).u(count)


@pytest.mark.parametrize("data", [bytes(4), bytes(1000)])
def test_code_of_too_many_zeros_is_refused(data: bytes) -> None:
    """More than 31 leading zeros are no code at all, however many follow."""
    with pytest.raises(StreamError):
        BitReader(data).ue()


def test_value_over_its_limit_is_named() -> None:
    """The message has the element, its value and the limit."""
    with pytest.raises(StreamError, match="slice_type is 4, maximum is 3"):
        BitReader(b"\x28").ue_at_most(3, "slice_type")
