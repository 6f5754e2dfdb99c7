"""Packets against a strict receiver that is written from RFC 6184 alone."""

from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.packets import Packets
from tests.depacketize import depacketize

headers = st.tuples(st.integers(0, 3), st.integers(1, 23)).map(lambda h: h[0] << 5 | h[1])
sizes = st.one_of(st.integers(0, 60), st.integers(0, 3000))
units = st.lists(
    st.tuples(headers, sizes).map(lambda unit: memoryview(bytes([unit[0]]) + bytes(unit[1]))),
    min_size=1,
    max_size=12,
)


@given(units, st.integers(5, 1200))
def test_nothing_the_rfc_forbids_is_sent(nal_units: list[memoryview], payload_max: int) -> None:
    """Single NAL unit packets, STAP-A and FU-A of any size give the NAL units back, in order."""
    image = Packets(nal_units, payload_max).image(12, 10)
    payloads = [bytes(image.payload(n)) for n in range(len(image))]
    assert depacketize(payloads) == [bytes(unit) for unit in nal_units]
    assert max(map(len, payloads)) <= payload_max
