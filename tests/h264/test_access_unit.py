"""The unit of flow."""

import dataclasses

import pytest

from petstream.h264.nal import split_annexb
from tests.h264.builders import as_bytes, make_access_unit, make_pps, make_slice, make_sps


def test_annexb_is_the_nal_units_behind_four_byte_start_codes() -> None:
    """What is written to a file splits into the same NAL units again."""
    units = (make_sps(), make_pps(), make_slice(idr=True))
    access_unit = dataclasses.replace(
        make_access_unit(0, idr=True), nal_units=tuple(map(memoryview, units))
    )
    data = access_unit.annexb()
    assert data == b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
    assert as_bytes(split_annexb(data)) == list(units)


def test_access_unit_does_not_change() -> None:
    """It is shared by every viewer and the recorder, so nobody can write to it."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_access_unit(0).is_idr = True  # type: ignore[misc]
