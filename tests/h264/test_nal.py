"""Finding NAL units in Annex B, and emulation prevention."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import StreamError
from petstream.h264.nal import (
    MAX_START_CODES,
    NalUnitType,
    escape_rbsp,
    is_random_access,
    nal_unit_type,
    split_annexb,
    unescape_rbsp,
)
from tests.h264.builders import AUD, SEI, annexb, as_bytes, make_pps, make_slice, make_sps

FULL_SLOT = 3_110_400

# Bytes in which start codes and emulation prevention are frequent.
dense_bytes = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 0x65, 0xFF]), max_size=60).map(bytes)
nal_units = st.lists(
    st.tuples(st.integers(1, 255), dense_bytes).map(
        lambda parts: bytes([parts[0]]) + escape_rbsp(parts[1] + b"\x80")
    ),
    min_size=1,
    max_size=8,
)
start_codes = st.integers(2, 6).map(lambda zeros: b"\x00" * zeros + b"\x01")


def slow_split(data: bytes) -> list[bytes]:
    """B.1 read literally, one byte after another."""
    units, at, inside = [], 0, False
    current = bytearray()
    while at < len(data):
        if data[at : at + 3] == b"\x00\x00\x01":
            units.append(bytes(current))
            current, inside, at = bytearray(), True, at + 3
            continue
        if inside:
            current.append(data[at])
        at += 1
    units.append(bytes(current))
    return [unit.rstrip(b"\x00") for unit in units if unit.rstrip(b"\x00")]


@given(nal_units, st.data())
def test_split_finds_what_was_joined(units: list[bytes], data: st.DataObject) -> None:
    """NAL units joined by start codes of any length come back unchanged and in order."""
    joined = b"".join(data.draw(start_codes) + unit for unit in units)
    assert as_bytes(split_annexb(joined)) == units


@given(st.one_of(dense_bytes, st.binary(max_size=200)))
def test_split_agrees_with_a_slow_reading_of_the_standard(data: bytes) -> None:
    """Whatever the bytes, the fast splitter gives what a byte-by-byte one gives."""
    assert as_bytes(split_annexb(data)) == slow_split(data)


def test_split_copies_nothing() -> None:
    """Every NAL unit is a view of the buffer it was found in."""
    data = annexb(make_sps(), make_pps(), make_slice(idr=True))
    assert all(unit.obj is data for unit in split_annexb(data))


def test_trailing_zeros_are_left_out() -> None:
    """Zeros behind a NAL unit, one or a hundred, belong to no NAL unit."""
    data = b"\x00\x00\x01\x65\x88" + bytes(1) + b"\x00\x00\x01\x41\x9a" + bytes(100)
    assert as_bytes(split_annexb(data)) == [b"\x65\x88", b"\x41\x9a"]


def test_empty_nal_units_are_left_out() -> None:
    """Start codes with nothing but zeros between them make no NAL unit."""
    data = b"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x01\x41\x9a\x00\x00\x01"
    assert as_bytes(split_annexb(data)) == [b"\x41\x9a"]


def test_bytes_before_the_first_start_code_are_left_out() -> None:
    """A buffer that begins in the middle of something yields its first whole NAL unit."""
    assert as_bytes(split_annexb(b"\x12\x34\x00\x00\x01\x41\x9a")) == [b"\x41\x9a"]


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x01", b"\x65\x88\x84", bytes(1000)])
def test_buffer_without_a_nal_unit_splits_into_none(data: bytes) -> None:
    """No start code, or nothing behind it, is an empty list and not an error."""
    assert split_annexb(data) == []


@pytest.mark.parametrize("pattern", [b"\x00", b"\x00\x00\x00\x03", b"\x00\x01", b"\x00\x00\x02"])
@pytest.mark.timeout(20)
def test_full_slot_without_start_codes_is_one_pass(pattern: bytes) -> None:
    """The worst fillings without a start code split into nothing in linear time."""
    assert split_annexb(pattern * (FULL_SLOT // len(pattern))) == []


@pytest.mark.parametrize("pattern", [b"\x00\x00\x01", b"\x00\x00\x01\x41", b"\x00\x00\x00\x01"])
@pytest.mark.timeout(20)
def test_full_slot_of_start_codes_is_refused(pattern: bytes) -> None:
    """A slot that is nothing but start codes is given up after the limit."""
    with pytest.raises(StreamError, match=str(MAX_START_CODES)) as caught:
        split_annexb(pattern * (FULL_SLOT // len(pattern)))
    assert caught.value.reason == "too_many_nal_units"


@pytest.mark.timeout(20)
def test_runs_of_zeros_between_start_codes_are_one_pass() -> None:
    """As many start codes as are allowed, with zeros between them, still split in linear time."""
    gap = bytes(FULL_SLOT // MAX_START_CODES)
    assert len(split_annexb((b"\x00\x00\x01\x41" + gap) * MAX_START_CODES)) == MAX_START_CODES


def test_slices_cut_to_fit_packets_are_within_the_limit() -> None:
    """A full slot in slices of 1,200 bytes, the most that encoders make, is split."""
    slices = [b"\x65" + b"\x9d" * 1_195] * (FULL_SLOT // 1_200)
    assert len(split_annexb(annexb(*slices))) == 2_592


@pytest.mark.parametrize("header", range(256))
def test_nal_unit_type_is_the_low_five_bits(header: int) -> None:
    """The type does not depend on forbidden_zero_bit or nal_ref_idc."""
    assert nal_unit_type(bytes([header])) == header % 32


@given(dense_bytes)
def test_unescape_undoes_escape(data: bytes) -> None:
    """An RBSP survives emulation prevention and its removal."""
    rbsp = data + b"\x80"
    assert unescape_rbsp(escape_rbsp(rbsp)) == rbsp


@given(dense_bytes)
def test_escaped_payload_has_no_forbidden_pattern(data: bytes) -> None:
    """No payload has 000000, 000001 or 000002 in it, nor 000003 but as an escape, nor ends in 0."""
    payload = escape_rbsp(data)
    assert not any(bytes([0, 0, third]) in payload for third in (0, 1, 2))
    assert not payload.endswith(b"\x00")
    at = payload.find(b"\x00\x00\x03")
    while at >= 0:
        assert payload[at + 3 : at + 4] in (b"", b"\x00", b"\x01", b"\x02", b"\x03")
        at = payload.find(b"\x00\x00\x03", at + 3)


@pytest.mark.parametrize(
    ("rbsp", "payload"),
    [
        (b"\x00\x00\x00", b"\x00\x00\x03\x00\x03"),
        (b"\x00\x00\x01", b"\x00\x00\x03\x01"),
        (b"\x00\x00\x03", b"\x00\x00\x03\x03"),
        (b"\x00\x00\x04", b"\x00\x00\x04"),
        (b"\x00\x00\x00\x00\x01", b"\x00\x00\x03\x00\x00\x03\x01"),
        (b"\x80\x00\x00", b"\x80\x00\x00\x03"),
    ],
)
def test_escape_puts_the_byte_where_the_standard_does(rbsp: bytes, payload: bytes) -> None:
    """The examples of 7.4.1 and a cabac_zero_word at the end come out as there."""
    assert escape_rbsp(rbsp) == payload


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (annexb(AUD, make_sps(), make_pps(), SEI, make_slice(idr=True)), True),
        (annexb(make_slice(idr=True)), True),
        (annexb(AUD, SEI, make_slice()), False),
        (annexb(make_sps(), make_pps()), False),
        (b"\x00\x00\x01" * 10_000, False),
        (b"", False),
    ],
)
def test_is_random_access_asks_the_first_slice(data: bytes, expected: bool) -> None:
    """Only a buffer whose first slice is of an IDR picture is a random access point."""
    assert is_random_access(data) is expected


def test_nal_unit_types_have_the_standards_numbers() -> None:
    """Table 7-1, for the types that the stream's handling depends on."""
    names = {1: "SLICE", 5: "IDR_SLICE", 6: "SEI", 7: "SPS", 8: "PPS", 12: "FILLER_DATA"}
    assert {kind: NalUnitType(kind).name for kind in names} == names
