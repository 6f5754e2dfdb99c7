"""What viewers of one source share of their packets."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from petstream.rtp.extensions import ABS_CAPTURE_TIME, PLAYOUT_DELAY
from petstream.rtp.headers import RtpSource
from petstream.rtp.packets import Packets
from petstream.rtp.stream import RtpStream

TAG = 16
BOTH = {PLAYOUT_DELAY: 3, ABS_CAPTURE_TIME: 4}
SIZES = (100, 1500, 30_000)


def test_who_negotiates_the_same_shares_headers() -> None:
    """Those of another payload type or extension are others, and none outlives its users."""
    source = RtpSource.random()
    headers = source.headers(96, BOTH)
    assert source.headers(96, dict(reversed(BOTH.items()))) is headers
    others = [source.headers(97, BOTH), source.headers(96, {PLAYOUT_DELAY: 3})]
    assert headers not in others
    ssrc = source.ssrc.to_bytes(4, "big")
    assert {h.header(0, 0)[8:12] for h in (headers, *others)} == {ssrc}
    del headers, others
    gc.collect()
    assert not source._headers


def test_retransmissions_have_an_ssrc_of_their_own() -> None:
    """In every source, and no source is like another."""
    sources = [RtpSource.random() for _ in range(100)]
    assert all(source.ssrc != source.rtx_ssrc for source in sources)
    assert len(set(sources)) == 100


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),  # which viewer
            st.integers(0, 2),  # which access unit
            st.integers(0, 3),  # its ticks
            st.integers(0, 24),  # the first packet
            st.integers(1, 32),  # at most so many
        ),
        max_size=12,
    )
)
def test_packets_are_right_in_whatever_order_they_are_asked_for(
    asked: list[tuple[int, int, int, int, int]],
) -> None:
    """As they are for a viewer that has its source for itself."""
    source = RtpSource.random()
    payload_types = (96, 96, 97)
    shared = [RtpStream(source.headers(kind, BOTH)) for kind in payload_types]
    units = [Packets([memoryview(b"\x65" + bytes(size))]) for size in SIZES]
    for viewer, number, ticks, first, most in asked:
        alone = RtpStream(
            RtpSource(source.ssrc, source.rtx_ssrc, source.offset).headers(
                payload_types[viewer], BOTH
            )
        )
        written = []
        for stream in (shared[viewer], alone):
            image = units[number].image(stream.headers.size, TAG)
            span = image.span(min(first, len(image) - 1), most)
            unit = stream.begin(image, ticks, capture_ntp=number)._replace(first=7)
            buffer = bytearray(span.offsets[-1])
            stream.write(unit, span, memoryview(buffer))
            written.append(bytes(buffer))
        assert written[0] == written[1]
