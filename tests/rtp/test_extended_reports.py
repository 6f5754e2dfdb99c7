"""Extended reports: what is read from a viewer's, and what it is told."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.extended_reports import ReferenceTime, delay_since, reference_times

RECEIVER_REPORT = struct.pack(">BBHI", 0x80, 201, 1, 5)
UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)


def reference(ssrc: int, ntp: int, before: bytes = b"") -> bytes:
    """An extended report with a receiver reference time (RFC 3611 section 4.4)."""
    blocks = before + struct.pack(">BBHQ", 4, 0, 2, ntp)
    return struct.pack(">BBHI", 0x80, 207, 1 + len(blocks) // 4, ssrc) + blocks


@given(UINT32, UINT64)
def test_a_reference_time_is_found(ssrc: int, ntp: int) -> None:
    """Behind a receiver report, as browsers send it, and behind another block."""
    found = [ReferenceTime(ssrc, ntp)]
    assert reference_times(RECEIVER_REPORT + reference(ssrc, ntp)) == found
    unknown = struct.pack(">BBHI", 42, 0, 1, 7)
    assert reference_times(reference(ssrc, ntp, unknown)) == found


@given(st.integers(0, 27))
def test_what_is_cut_off_is_passed_over(size: int) -> None:
    """At whatever byte."""
    assert reference_times((RECEIVER_REPORT + reference(1, 2))[:size]) == []


@given(st.binary(max_size=200))
def test_any_bytes_will_do(data: bytes) -> None:
    """Nothing is raised, and nothing found that is not 8 bytes of clock."""
    for number in range(256):
        found = reference_times(bytes((0x80, 207, 0, number)) + data)
        assert all(0 <= ntp < 2**64 for _, ntp in found)


def test_reports_of_others_are_no_reference_time() -> None:
    """Another kind of packet may hold the same bytes."""
    packet = bytearray(reference(1, 2))
    packet[1] = 204
    assert reference_times(bytes(packet)) == []


@given(UINT32, UINT32, UINT32, UINT64)
def test_the_answer(ssrc: int, viewer_ssrc: int, last: int, delay: int) -> None:
    """RFC 3611 section 4.5, field by field; a delay that does not fit is the longest that does."""
    version, kind, words, sender, block, _, length, to, lrr, dlrr = struct.unpack(
        ">BBHIBBHIII", delay_since(ssrc, viewer_ssrc, last, delay)
    )
    assert (version, kind, words, block, length) == (0x80, 207, 5, 5, 3)
    assert (sender, to, lrr, dlrr) == (ssrc, viewer_ssrc, last, min(delay, 2**32 - 1))
