"""Stamps: writing, finding and checking them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.h264.nal import escape_rbsp, split_annexb
from petstream.h264.processor import Processor
from petstream.h264.sei import (
    STAMP_UUID,
    Stamp,
    build_stamp,
    find_stamp,
    parse_stamp,
    stamp_crc,
)
from tests.h264.builders import (
    AUD,
    FILLER,
    SEI,
    annexb,
    make_pps,
    make_slice,
    make_slot,
    make_sps,
    nal_unit,
)
from tests.h264.encoding import decode, encode

u64 = st.integers(0, 2**64 - 1)
u32 = st.integers(0, 2**32 - 1)


@given(u64, u64, u32)
def test_stamp_round_trip(frame_number: int, capture_ns: int, crc: int) -> None:
    """Every number that fits comes back, through start codes and all."""
    nal = build_stamp(frame_number, capture_ns, crc)
    (found,) = split_annexb(annexb(nal))
    assert parse_stamp(found) == Stamp(frame_number, capture_ns, crc)


@pytest.mark.parametrize("values", [(-1, 0, 0), (2**64, 0, 0), (0, -1, 0), (0, 0, 2**32)])
def test_number_that_does_not_fit_is_refused(values: tuple[int, int, int]) -> None:
    """A stamp is never written with a number cut short."""
    with pytest.raises(ValueError, match="does not fit"):
        build_stamp(*values)


@given(st.integers(0, 600), st.integers(0, 600))
def test_stamp_is_found_behind_other_messages(kind: int, size: int) -> None:
    """A message of any type and length before ours does not hide it."""
    number = [b"\xff" * (value // 255) + bytes([value % 255]) for value in (kind, size)]
    stamp = build_stamp(7, 8, 9)
    rbsp = number[0] + number[1] + b"\xa5" * size + bytes([5, 36]) + STAMP_UUID
    rbsp += (7).to_bytes(8, "big") + (8).to_bytes(8, "big") + (9).to_bytes(4, "big")
    assert parse_stamp(nal_unit(0x06, rbsp + b"\x80")) == parse_stamp(stamp) == Stamp(7, 8, 9)


@pytest.mark.parametrize(
    "nal",
    [
        b"",
        b"\x06",
        SEI,
        AUD,
        make_slice(),
        build_stamp(1, 2, 3)[:40],
        b"\x41" + build_stamp(1, 2, 3)[1:],
        nal_unit(0x06, bytes([5, 40]) + STAMP_UUID + bytes(24) + b"\x80"),
        nal_unit(0x06, bytes([4, 36]) + STAMP_UUID + bytes(20) + b"\x80"),
        nal_unit(0x06, bytes([5, 36]) + bytes(16) + STAMP_UUID + bytes(4) + b"\x80"),
    ],
)
def test_what_is_no_stamp_is_none(nal: bytes) -> None:
    """Other NAL units, other messages and a stamp cut short are not taken for one."""
    assert parse_stamp(nal) is None


@pytest.mark.timeout(20)
def test_oversized_sei_is_not_searched() -> None:
    """An SEI of a whole slot that promises a stamp far inside costs next to nothing."""
    assert parse_stamp(b"\x06" + b"\xff" * 3_000_000 + build_stamp(1, 2, 3)[1:]) is None


@given(st.binary(max_size=100), st.integers(0, 100))
def test_random_messages_raise_nothing(data: bytes, at: int) -> None:
    """An SEI of random bytes, with or without our UUID, is a stamp or is None."""
    for rbsp in (data, data[:at] + STAMP_UUID + data[at:]):
        stamp = parse_stamp(b"\x06" + escape_rbsp(rbsp))
        assert stamp is None or 0 <= stamp.crc < 2**32


def test_find_stamp_passes_over_the_rest() -> None:
    """The stamp is found wherever it stands, and None where none stands."""
    stamp = build_stamp(41, 42, 43)
    assert find_stamp([AUD, SEI, memoryview(stamp), make_slice()]) == Stamp(41, 42, 43)
    assert find_stamp([AUD, SEI, make_slice()]) is None
    assert find_stamp([]) is None


def test_crc_is_over_slices_and_messages_only() -> None:
    """The CRC-32 is that of zlib over the NAL units that every stage has to leave alone."""
    idr, more = make_slice(idr=True), make_slice(idr=True, first_mb=6)
    units = [AUD, make_sps(), make_pps(), build_stamp(1, 2, 3), SEI, idr, FILLER, more]
    assert stamp_crc(units) == zlib.crc32(SEI + idr + more)
    assert stamp_crc([]) == 0


def test_crc_survives_canonicalisation() -> None:
    """A slot full of what is left out and lacking what is put in checks at both ends."""
    processor = Processor()
    idr = make_slice(idr=True)
    crc = stamp_crc([SEI, idr])
    processor.process(make_slot(make_sps(), make_pps(), idr))
    slot = make_slot(
        AUD, SEI, build_stamp(5, 6, crc), b"\x80\x01", b"\x1f\x02", b"\xe5\x03", idr, FILLER
    )
    access_unit = processor.process(slot)
    for nal_units in (split_annexb(slot.data), access_unit.nal_units):
        assert stamp_crc(nal_units) == crc
    assert find_stamp(access_unit.nal_units) == Stamp(5, 6, crc)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_changes_the_crc(position: int, change: int) -> None:
    """A slice with any single byte changed does not pass for the one that was stamped."""
    slices = bytearray(make_slice(idr=True, body=bytes(range(1, 256)) * 4))
    crc = stamp_crc([bytes(slices)])
    at = 1 + position % (len(slices) - 1)
    slices[at] ^= change
    assert stamp_crc([bytes(slices)]) != crc


def test_decoder_takes_no_offence() -> None:
    """A stream with a stamp in each access unit decodes to the pictures it had without."""
    stream = encode(64, 48, frames=5, options={"profile": "baseline"})
    stamped = []
    for number, data in enumerate(stream):
        units = split_annexb(data)
        first_slice = next(i for i, unit in enumerate(units) if unit[0] & 0x1F in (1, 5))
        stamp = build_stamp(number, 0, stamp_crc(units))
        stamped.append(annexb(*units[:first_slice], stamp, *units[first_slice:]))
    pictures = [[bytes(frame.planes[0]) for frame in decode(s)[1]] for s in (stream, stamped)]
    assert len(pictures[0]) == 5
    assert pictures[0] == pictures[1]
