"""Reading an offer: sections, formats, bundles, and what is no offer at all."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import BadOfferError
from petstream.webrtc.sdp import CANDIDATES_MAX, Offer, Section, parse_offer
from tests.webrtc.negotiating import ANSWERABLE, stored_offer

HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=recvonly\r\na=rtpmap:96 H264/90000\r\n"


def video(text: str) -> Section:
    """The section that wants video."""
    section = parse_offer(text).video()
    assert section is not None
    return section


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        (
            "chromium-linux",
            [
                (102, "42001f", 1, 103),
                (104, "42001f", 0, 107),
                (108, "42e01f", 1, 109),
                (114, "42e01f", 0, 115),
                (116, "4d001f", 1, 117),
                (39, "4d001f", 0, 40),
                (41, "f4001f", 1, 42),
                (43, "f4001f", 0, 44),
            ],
        ),
        (
            "firefox-linux",
            [
                (126, "42e01f", 1, 127),
                (97, "42e01f", 0, 98),
                (105, "42001f", 0, 106),
                (103, "42001f", 1, 104),
            ],
        ),
        ("safari-ios", [(96, "640c1f", 1, 97), (98, "42e01f", 1, 99)]),
        (
            "chrome-android",
            [(100, "42001f", 1, 101), (102, "42e01f", 1, 103), (104, "640c1f", 1, 105)],
        ),
    ],
)
def test_formats_are_found_in_order(name: str, formats: list[tuple[int, str, int, int]]) -> None:
    """Payload type, profile, packetization mode and retransmission of each H.264 format."""
    found = video(stored_offer(name)).h264_formats()
    assert [
        (f.payload_type, f.profile_level_id, f.packetization_mode, f.rtx_payload_type)
        for f in found
    ] == formats


def test_defaults_of_a_bare_format() -> None:
    """Without a=fmtp: baseline at level 1, packetization mode 0, no retransmission."""
    (bare,) = video(HEAD + VIDEO).h264_formats()
    assert (bare.profile_level_id, bare.packetization_mode) == ("42000a", 0)
    assert (bare.rtx_payload_type, bare.feedback) == (None, ())


def test_parameters_are_read_as_people_write_them() -> None:
    """Blanks after semicolons, capitals, and feedback for every payload type at once."""
    section = video(
        HEAD
        + VIDEO.replace("H264", "h264")
        + "a=fmtp:96 Profile-Level-ID=42E01F; packetization-mode=1\r\na=rtcp-fb:* nack pli\r\n"
    )
    (found,) = section.h264_formats()
    assert (found.profile_level_id, found.packetization_mode) == ("42e01f", 1)
    assert found.feedback == ("nack pli",)


@pytest.mark.parametrize("name", ANSWERABLE)
def test_video_is_found_among_the_sections(name: str) -> None:
    """The section to answer is the video one, with what its transport needs."""
    section = video(stored_offer(name))
    assert (section.kind, section.direction) == ("video", "recvonly")
    assert section.value("ice-ufrag")
    assert re.fullmatch(r"sha-256( |:|[0-9A-F]{2})+", section.value("fingerprint") or "")


def test_session_attributes_are_those_of_every_section() -> None:
    """A direction or fingerprint above all sections holds for those that have none (RFC 8866)."""
    head = HEAD + "a=recvonly\r\na=fingerprint:sha-256 AA\r\n"
    own = VIDEO.replace("a=recvonly\r\n", "")
    assert video(head + own).direction == "recvonly"
    assert video(head + own).value("fingerprint") == "sha-256 AA"
    assert parse_offer(head + own + "a=sendonly\r\n").video() is None


def test_bundle_only_section_rides_on_the_first() -> None:
    """A section with port 0 and a=bundle-only uses the transport of the tagged one (RFC 9143)."""
    offer = parse_offer(
        HEAD
        + "a=group:BUNDLE a v\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=ice-ufrag:uf\r\n"
        + VIDEO.replace("video 9", "video 0").replace("mid:0", "mid:v")
        + "a=bundle-only\r\n"
    )
    section = offer.video()
    assert section is not None
    assert section.value("ice-ufrag") == "uf"
    assert [s.mid for s in offer.bundle(section)] == ["a", "v"]


def test_refused_section_is_not_taken() -> None:
    """Port 0 without a=bundle-only is a section that the browser itself has refused."""
    assert parse_offer(HEAD + VIDEO.replace("video 9", "video 0")).video() is None


def test_video_over_anything_but_rtp_is_not_taken() -> None:
    """Its formats need not be payload types, nor numbers."""
    text = HEAD + VIDEO.replace("UDP/TLS/RTP/SAVPF 96", "UDP/DTLS/SCTP =9")
    assert "SCTP =9" in text
    assert parse_offer(text).video() is None


def test_candidates_are_those_of_the_bundle() -> None:
    """Candidates count wherever they stand in the bundle, each once."""
    offer = parse_offer(stored_offer("chromium-linux-audio-data"))
    section = offer.video()
    assert section is not None
    found = offer.candidates(section)
    assert len(found) == len(set(found)) > 2
    assert all("udp" in candidate for candidate in found)


def test_too_many_candidates_are_refused() -> None:
    """More candidates than any machine has addresses."""
    lines = [
        f"a=candidate:{i} 1 udp 1 10.0.0.1 {i} typ host\r\n" for i in range(CANDIDATES_MAX + 1)
    ]
    offer = parse_offer(HEAD + VIDEO + "".join(lines))
    section = offer.video()
    assert section is not None
    with pytest.raises(BadOfferError, match=f"{CANDIDATES_MAX + 1} candidates"):
        offer.candidates(section)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "first line"),
        ("hello", "first line"),
        (HEAD, "0 media sections"),
        (HEAD + VIDEO * 33, "33 media sections"),
        (HEAD + VIDEO * 2, "same a=mid"),
        (HEAD + VIDEO.replace("96\r\n", "96 300\r\n", 1), "payload type"),
        (HEAD + VIDEO.replace("96\r\n", "٩٦\r\n", 1), "payload type"),
        (HEAD + VIDEO.replace("video 9", "video 99999999"), "no media line"),
        (HEAD + VIDEO.replace("96\r\n", "\r\n", 1), "no media line"),
        (HEAD + VIDEO + "a=x:\x00\r\n", "line 9 is malformed"),
        (HEAD + VIDEO + "a=x:" + "y" * 5000 + "\r\n", "malformed"),
        (HEAD + VIDEO + "\r\n\r\na=x\r\n", "malformed"),
        (HEAD + VIDEO + "A=x\r\n", "malformed"),
    ],
)
def test_what_is_no_offer(text: str, why: str) -> None:
    """A text that cannot be an offer is refused, with the line or number that is wrong."""
    with pytest.raises(BadOfferError, match=re.escape(why)):
        parse_offer(text)


def use(offer: Offer) -> None:
    """Ask an offer everything that negotiation asks."""
    section = offer.video()
    if section is None:
        return
    for chosen in section.h264_formats():
        assert 0 <= chosen.payload_type <= 127
        assert offer.reduced(section, chosen, offer.candidates(section)).endswith("\r\n")


LINES = [*{line for name in ANSWERABLE for line in stored_offer(name).split("\r\n")}]


@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(st.sampled_from(LINES), max_size=40).map(lambda ls: HEAD + "\r\n".join(ls)),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Arbitrary text, and lines of real offers in any order: an Offer or a BadOfferError."""
    try:
        offer = parse_offer(text)
        use(offer)
    except BadOfferError:
        return


@given(st.sampled_from(ANSWERABLE), st.data())
def test_reading_survives_cuts(name: str, data: st.DataObject) -> None:
    """An offer cut off anywhere, or with a part missing, is read or refused."""
    text = stored_offer(name)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    mutate: Callable[[], str] = data.draw(
        st.sampled_from([lambda: text[:start], lambda: text[:start] + text[end:]])
    )
    try:
        use(parse_offer(mutate()))
    except BadOfferError:
        return
