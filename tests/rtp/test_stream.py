"""One viewer's RTP stream, read by aiortc's parser."""

from itertools import pairwise

import pytest
from aiortc.rtp import RtpPacket, unwrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.extensions import ABS_CAPTURE_TIME, PLAYOUT_DELAY, HeaderExtensions
from petstream.rtp.headers import RtpHeaders
from petstream.rtp.packets import Packets
from petstream.rtp.stream import HISTORY_PACKETS, RtpStream, RtxStream, SentUnit

SSRC, PAYLOAD_TYPE, OFFSET = 0xDEADBEEF, 108, 0xFFFFFF00
TAG = 16
EXTENSIONS = [
    HeaderExtensions({}),
    HeaderExtensions({PLAYOUT_DELAY: 3}),
    HeaderExtensions({PLAYOUT_DELAY: 3, ABS_CAPTURE_TIME: 4}),
]


def stream_with(extensions: HeaderExtensions) -> RtpStream:
    """A stream with those header extensions."""
    return RtpStream(RtpHeaders(SSRC, PAYLOAD_TYPE, OFFSET, extensions))


def unit_of(size: int) -> Packets:
    """An access unit with one slice of this size."""
    return Packets([memoryview(b"\x65" + b"\xa5" * (size - 1))])


def sent(stream: RtpStream, packets: Packets, ticks: int) -> SentUnit:
    """Begin a unit."""
    return stream.begin(packets.image(stream.headers.size, TAG), ticks, capture_ntp=ticks)


def written(stream: RtpStream, unit: SentUnit) -> list[RtpPacket]:
    """All packets of a unit, as they would be before encryption."""
    image = unit.image
    packets, first = [], 0
    while first < len(image):
        span = image.span(first, 40)
        first = span.end
        buffer = bytearray(span.offsets[-1])
        stream.write(unit, span, memoryview(buffer))
        packets += [
            RtpPacket.parse(bytes(buffer[start : end - TAG]))
            for start, end in pairwise(span.offsets)
        ]
    return packets


@pytest.mark.parametrize("extensions", EXTENSIONS, ids=lambda e: f"{e.size} bytes")
def test_headers(extensions: HeaderExtensions) -> None:
    """Sequence numbers go on from unit to unit; one timestamp and one marker for each unit."""
    stream = stream_with(extensions)
    numbers = []
    for ticks in (0, 3000, 6000):
        unit = sent(stream, unit_of(5000), ticks)
        packets = written(stream, unit)
        assert {(p.ssrc, p.payload_type) for p in packets} == {(SSRC, PAYLOAD_TYPE)}
        assert {p.timestamp for p in packets} == {(OFFSET + ticks) % 2**32}
        assert [p.marker for p in packets] == [0] * (len(packets) - 1) + [1]
        assert [p.payload for p in packets] == [bytes(unit.image.payload(i)) for i in range(5)]
        numbers += [p.sequence_number for p in packets]
    assert numbers == list(range(numbers[0], numbers[0] + 15))


def test_a_part_of_a_unit_can_be_written() -> None:
    """As a round sends it: laid out from its own first packet on, up to the end of its run."""
    stream = stream_with(EXTENSIONS[0])
    unit = sent(stream, unit_of(5000), 1)
    whole, part = unit.image.span(0, 40), unit.image.span(2, 2)
    assert (whole.first, whole.end, whole.ends_unit) == (0, 5, True)
    assert (part.first, part.end, part.ends_unit) == (2, 4, False)
    buffers = bytearray(whole.offsets[-1]), bytearray(part.offsets[-1])
    stream.write(unit, whole, memoryview(buffers[0]))
    stream.write(unit, part, memoryview(buffers[1]))
    assert buffers[1] == buffers[0][whole.offsets[2] : whole.offsets[4]]


@given(st.integers(0, 2**18), st.integers(1, 60_000))
def test_sequence_numbers_are_written_through_every_carry(first: int, size: int) -> None:
    """Both of their bytes, in packets of one call, whatever number comes first."""
    stream = stream_with(EXTENSIONS[0])
    unit = sent(stream, unit_of(size), 1)._replace(first=first)
    numbers = [packet.sequence_number for packet in written(stream, unit)]
    assert numbers == [(first + packet) % 2**16 for packet in range(len(unit.image))]


def test_statistics_count_payload() -> None:
    """Packets and octets of sender reports (RFC 3550 section 6.4.1)."""
    stream = stream_with(EXTENSIONS[2])
    unit = sent(stream, unit_of(5000), 1)
    stream.count_sent(unit, 0, 3)
    stream.count_sent(unit, 3, 5)
    assert stream.packets == 5
    assert stream.octets == sum(len(unit.image.payload(i)) for i in range(5))


def test_a_sent_packet_is_found_again_by_its_number() -> None:
    """Through the wrap of the sequence number, for as many packets as are kept, and no others."""
    stream = stream_with(EXTENSIONS[0])
    begun = [sent(stream, unit_of(50_000), ticks) for ticks in range(1600)]  # 43 packets each
    last = begun[-1].first + len(begun[-1].image) - 1
    assert last > 2**16
    for back in (0, 1, 42, 43, 1000, HISTORY_PACKETS - 50):
        found = stream.find((last - back) % 2**16)
        assert found is not None
        unit, packet = found
        assert unit.first + packet == last - back
        assert stream.age(unit, packet) == back + 1
    for unsent in (last + 1, last + 100, last - 2 * HISTORY_PACKETS):
        assert stream.find(unsent % 2**16) is None


def test_the_history_holds_two_large_idrs() -> None:
    """Two access units of 1 MB, each 855 packets."""
    stream = stream_with(EXTENSIONS[0])
    first = sent(stream, unit_of(1_000_000), 1)
    sent(stream, unit_of(1_000_000), 2)
    assert stream.find(first.first % 2**16) == (first, 0)


@pytest.mark.parametrize("extensions", EXTENSIONS, ids=lambda e: f"{e.size} bytes")
def test_a_retransmission_is_the_packet_again(extensions: HeaderExtensions) -> None:
    """On its own SSRC, payload type and sequence numbers; aiortc unwraps it (RFC 4588)."""
    stream, rtx = stream_with(extensions), RtxStream(77, 109)
    unit = sent(stream, unit_of(5000), 1)
    buffer = memoryview(bytearray(2000))
    numbers = []
    for packet in (4, 1, 1):
        size = rtx.write(unit, packet, buffer)
        resent = RtpPacket.parse(bytes(buffer[:size]))
        assert (resent.ssrc, resent.payload_type) == (77, 109)
        numbers.append(resent.sequence_number)
        original = written(stream, unit)[packet]
        unwrapped = unwrap_rtx(resent, PAYLOAD_TYPE, SSRC)
        assert unwrapped.serialize() == original.serialize()
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
