"""Header extensions, read back by aiortc's parser."""

import pytest
from aiortc.rtp import unpack_header_extensions
from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.extensions import ABS_CAPTURE_TIME, BLOCK_MAX, PLAYOUT_DELAY, HeaderExtensions

NTP = st.integers(0, 2**64 - 1)
IDS = st.dictionaries(st.sampled_from([ABS_CAPTURE_TIME, PLAYOUT_DELAY, "urn:x"]), st.integers())


def unpacked(block: bytes) -> dict[int, bytes]:
    """What stands in a block, by id."""
    profile, words = int.from_bytes(block[:2], "big"), int.from_bytes(block[2:4], "big")
    assert len(block) == 4 * (words + 1)
    return dict(unpack_header_extensions(profile, block[4:]))


@given(NTP)
def test_both_are_read_back(capture_ntp: int) -> None:
    """The capture time with an offset of 0, and a playout delay of 0 to 0."""
    extensions = HeaderExtensions({PLAYOUT_DELAY: 5, ABS_CAPTURE_TIME: 13})
    block = extensions.block(capture_ntp)
    assert len(block) == extensions.size == BLOCK_MAX
    assert unpacked(block) == {13: capture_ntp.to_bytes(8, "big") + bytes(8), 5: bytes(3)}


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({PLAYOUT_DELAY: 1}, {1: bytes(3)}),
        ({ABS_CAPTURE_TIME: 14}, {14: (7).to_bytes(8, "big") + bytes(8)}),
    ],
)
def test_one_alone(ids: dict[str, int], expected: dict[int, bytes]) -> None:
    """Only what was negotiated is sent."""
    assert unpacked(HeaderExtensions(ids).block(7)) == expected


@given(IDS, NTP)
def test_the_size_is_that_of_the_block(ids: dict[str, int], capture_ntp: int) -> None:
    """Whatever is offered: whole words, never more than the largest."""
    extensions = HeaderExtensions(ids)
    assert len(extensions.block(capture_ntp)) == extensions.size <= BLOCK_MAX
    assert extensions.size % 4 == 0


@pytest.mark.parametrize("number", [0, 15, 16, 255])
def test_an_id_beyond_the_one_byte_form_is_left_out(number: int) -> None:
    """0 is padding and 15 is reserved (RFC 8285 section 4.2)."""
    assert HeaderExtensions({ABS_CAPTURE_TIME: number, PLAYOUT_DELAY: number}).size == 0
