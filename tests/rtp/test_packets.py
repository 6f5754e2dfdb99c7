"""Packets of an access unit, put together again by aiortc's depacketizer."""

import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.packets import PAYLOAD_MAX, PacketImage, Packets, fragment

HEADERS = st.sampled_from([0x67, 0x68, 0x65, 0x41, 0x06, 0x01])  # SPS, PPS, slices, SEI
SIZES = st.one_of(st.integers(2, 60), st.integers(1100, 1250), st.integers(2, 20_000))


@st.composite
def nal_units(draw: st.DrawFn) -> list[memoryview]:
    """Up to eight NAL units of any size, without a start code in them."""
    shapes = draw(st.lists(st.tuples(HEADERS, SIZES), min_size=1, max_size=8))
    return [memoryview(bytes((header,)) + b"\xa5" * (size - 1)) for header, size in shapes]


def payloads(image: PacketImage) -> list[bytes]:
    """All payloads of an image."""
    return [bytes(image.payload(packet)) for packet in range(len(image))]


@given(nal_units())
def test_a_receiver_puts_the_nal_units_together_again(units: list[memoryview]) -> None:
    """Every byte, in order, nothing twice."""
    image = Packets(units).image(12, 16)
    stream = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads(image))
    assert stream == b"".join(b"\0\0\0\1" + bytes(unit) for unit in units)


@given(nal_units(), st.integers(20, 2000))
def test_no_payload_is_larger_than_asked_for(units: list[memoryview], payload_max: int) -> None:
    """And none is empty."""
    sizes = [len(payload) for payload in payloads(Packets(units, payload_max).image(0, 0))]
    assert 0 < min(sizes) <= max(sizes) <= payload_max


@given(nal_units(), st.sampled_from([(12, 10), (12, 16), (40, 16)]))
def test_runs_are_what_segmentation_offload_takes(
    units: list[memoryview], sizes: tuple[int, int]
) -> None:
    """Together they are all packets; within one all are equal, but that the last may be shorter."""
    image = Packets(units).image(*sizes)
    lengths = [end - start for start, end in zip(image.offsets, image.offsets[1:], strict=False)]
    covered: list[int] = []
    for number, run in enumerate(image.runs):
        run_lengths = lengths[run.first : run.end]
        assert set(run_lengths[:-1]) <= {run.segment}
        assert run_lengths[-1] <= run.segment
        assert image.run_of[run.first : run.end] == (number,) * (run.end - run.first)
        covered += range(run.first, run.end)
    assert covered == list(range(len(lengths)))


@given(st.integers(PAYLOAD_MAX + 1, 3_000_000))
def test_fragments_are_full(size: int) -> None:
    """All but the last of a NAL unit, so that there are no more than there have to be."""
    sizes = [len(piece) for piece in fragment(memoryview(bytes(size)), PAYLOAD_MAX)]
    assert set(sizes[:-1]) == {PAYLOAD_MAX}
    assert 2 < sizes[-1] <= PAYLOAD_MAX
    assert len(sizes) == -(-(size - 1) // (PAYLOAD_MAX - 2))


def test_the_ends_of_a_fragmented_nal_unit_are_marked() -> None:
    """S on the first, E on the last, the type in each header, NRI in each indicator (5.8)."""
    pieces = fragment(memoryview(b"\x65" + bytes(3000)), 1000)
    assert [tuple(piece[:2]) for piece in pieces] == [
        (0x7C, 0x85),
        (0x7C, 0x05),
        (0x7C, 0x05),
        (0x7C, 0x45),
    ]


def test_small_nal_units_share_a_packet() -> None:
    """A STAP-A with the highest NRI of those in it (RFC 6184 section 5.7.1)."""
    units = [memoryview(b"\x67\x42"), memoryview(b"\x28\xce"), memoryview(b"\x06\x05")]
    (payload,) = payloads(Packets(units).image(12, 10))
    assert payload.hex(" ") == "78 00 02 67 42 00 02 28 ce 00 02 06 05"


def test_an_image_is_made_once_for_each_pair_of_sizes() -> None:
    """All viewers with the same extensions and cipher share it."""
    packets = Packets([memoryview(b"\x65" + bytes(5000))])
    assert packets.image(12, 16) is packets.image(12, 16)
    assert packets.image(12, 16) is not packets.image(40, 16)


def test_an_empty_nal_unit_is_an_error() -> None:
    """It would be a packet that no receiver can read."""
    with pytest.raises(ValueError, match="empty NAL unit"):
        Packets([memoryview(b"\x65"), memoryview(b"")])
