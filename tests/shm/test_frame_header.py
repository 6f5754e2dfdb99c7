"""The 48 bytes in front of each access unit."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import StreamError
from petstream.shm.frame_header import parse_header
from petstream.shm.layout import DATA_SIZE_MAX, FRAME_HEADER_SIZE

HEADER = struct.Struct("<QqqiiiiQ")
int64 = st.integers(-(2**63), 2**63 - 1)


def header(
    *,
    sec: int = 5,
    nsec: int = 7,
    camera_id: int = 1,
    width: int = 640,
    height: int = 480,
    format: int = 3,
    data_size: int = 100,
) -> bytes:
    """A header, sound unless told otherwise."""
    return HEADER.pack(9, sec, nsec, camera_id, width, height, format, data_size)


def test_sound_header() -> None:
    """Every field arrives."""
    parsed = parse_header(header())
    assert (parsed.frame_number, parsed.capture_ns) == (9, 5_000_000_007)
    assert (parsed.camera_id, parsed.width, parsed.height) == (1, 640, 480)
    assert parsed.data_size == 100


@pytest.mark.parametrize("side", [16, 4096])
@pytest.mark.parametrize("camera_id", [0, 255])
@pytest.mark.parametrize("data_size", [1, DATA_SIZE_MAX])
def test_bounds_are_inside(side: int, camera_id: int, data_size: int) -> None:
    """The smallest and the largest of each is accepted."""
    parsed = parse_header(header(width=side, height=side, camera_id=camera_id, data_size=data_size))
    assert (parsed.width, parsed.camera_id, parsed.data_size) == (side, camera_id, data_size)


@pytest.mark.parametrize(
    ("reason", "raw", "number"),
    [
        ("format", header(format=0), "0"),
        ("data_size", header(data_size=0), "0"),
        ("data_size", header(data_size=2**64 - 1), str(2**64 - 1)),
        ("picture_size", header(width=15), "15x480"),
        ("picture_size", header(height=4097), "640x4097"),
        ("camera_id", header(camera_id=256), "256"),
        ("camera_id", header(camera_id=-1), "-1"),
    ],
)
def test_nonsense_is_named(reason: str, raw: bytes, number: str) -> None:
    """The error has a stable reason, and the number in its message."""
    with pytest.raises(StreamError, match=number) as caught:
        parse_header(raw)
    assert caught.value.reason == reason


@given(int64, int64)
def test_odd_clocks_are_no_reason_to_refuse(sec: int, nsec: int) -> None:
    """Any timestamp becomes a time that fits 63 bits."""
    capture_ns = parse_header(header(sec=sec, nsec=nsec)).capture_ns
    assert capture_ns == min(max(sec * 10**9 + nsec, 0), 2**63 - 1)


@given(st.binary(min_size=FRAME_HEADER_SIZE, max_size=FRAME_HEADER_SIZE))
def test_random_bytes(raw: bytes) -> None:
    """They are parsed within bounds, or refused with the one error there is."""
    try:
        parsed = parse_header(raw)
    except StreamError:
        return
    assert 1 <= parsed.data_size <= DATA_SIZE_MAX
    assert min(parsed.width, parsed.height) >= 16
    assert max(parsed.width, parsed.height) <= 4096
