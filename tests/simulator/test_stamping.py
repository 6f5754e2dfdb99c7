"""Stamps say what the access unit is, and change nothing else in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.sei import Stamp, find_stamp, parse_stamp, stamp_crc
from simulator.fixture import Fixture, fixture_names
from simulator.stamping import Stampable


@pytest.mark.parametrize("name", fixture_names())
def test_every_access_unit_of_every_clip_takes_a_stamp(name: str) -> None:
    """Number, time and CRC come back, and the other NAL units are what and where they were."""
    for number, unit in enumerate(Fixture.load(name).access_units):
        before = [bytes(nal_unit) for nal_unit in split_annexb(unit)]
        stamped = Stampable.of(unit).stamped(number, 1000 + number)
        nal_units = split_annexb(stamped)
        assert find_stamp(nal_units) == Stamp(number, 1000 + number, stamp_crc(before))
        assert stamp_crc(nal_units) == stamp_crc(before)
        assert [bytes(nal) for nal in nal_units if parse_stamp(nal) is None] == before


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_stamp_stands_between_parameter_sets_and_first_slice(number: int, time: int) -> None:
    """The order that H.264 clause 7.4.1.2.3 asks for holds for any number and time."""
    unit = b"\0\0\1\x09\xf0\0\0\1\x67\x42\0\0\0\1\x68\xce\0\0\1\x65\x88\0\0\1\x65\x48\0\0\1\x0c\x80"
    kinds = [nal_unit_type(nal) for nal in split_annexb(Stampable.of(unit).stamped(number, time))]
    assert kinds == [
        NalUnitType.ACCESS_UNIT_DELIMITER,
        NalUnitType.SPS,
        NalUnitType.PPS,
        NalUnitType.SEI,
        NalUnitType.IDR_SLICE,
        NalUnitType.IDR_SLICE,
        NalUnitType.FILLER_DATA,
    ]


def test_a_changed_byte_shows(clip: Fixture) -> None:
    """The CRC is that of the bytes: one of them different, and it does not fit."""
    stamped = bytearray(Stampable.of(clip.access_units[1]).stamped(1, 1))
    stamped[-100] ^= 0x10
    nal_units = split_annexb(bytes(stamped))
    stamp = find_stamp(nal_units)
    assert stamp is not None
    assert stamp.crc != stamp_crc(nal_units)
