"""What each browser is answered: H.264 that fits the stream, and nothing else."""

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from petstream.errors import NotAcceptableError
from tests.webrtc.negotiating import (
    ANSWERABLE,
    OFFERS,
    Media,
    answer_to,
    media_of,
    stored_offer,
)

CONSTRAINED_BASELINE = "42c01f"
BASELINE = "420028"
MAIN = "4d0028"  # level 4.0, as 1080p cameras write
HIGH = "640033"  # level 5.1
CONSTRAINED_HIGH = "640c28"
STREAMS = [CONSTRAINED_BASELINE, BASELINE, MAIN, HIGH, CONSTRAINED_HIGH]

# Payload type and profile-level-id of the answer, for each offer and stream; None is a 406.
FITS: dict[str, dict[str, tuple[str, str] | None]] = {
    "chrome-android": {
        CONSTRAINED_BASELINE: ("102", "42e01f"),
        BASELINE: ("100", "420028"),
        MAIN: ("104", "640c28"),
        HIGH: ("104", "640c33"),
        CONSTRAINED_HIGH: ("104", "640c28"),
    },
    "chromium-linux": {
        CONSTRAINED_BASELINE: ("108", "42e01f"),
        BASELINE: ("102", "420028"),
        MAIN: ("116", "4d0028"),
        HIGH: ("41", "f40033"),
        CONSTRAINED_HIGH: ("41", "f40028"),
    },
    "firefox-linux": {
        CONSTRAINED_BASELINE: ("126", "42e01f"),
        BASELINE: ("103", "420028"),
        MAIN: None,
        HIGH: None,
        CONSTRAINED_HIGH: None,
    },
    "safari-ios": {
        CONSTRAINED_BASELINE: ("98", "42e01f"),
        BASELINE: ("98", "42e028"),
        MAIN: ("96", "640c28"),
        HIGH: ("96", "640c33"),
        CONSTRAINED_HIGH: ("96", "640c28"),
    },
}
FITS["chromium-linux-audio-data"] = FITS["chromium-linux"]
FITS["firefox-linux-audio"] = FITS["firefox-linux"]
FITS["safari-macos"] = FITS["safari-ios"]

GOOD = [(n, s, fit) for n in ANSWERABLE for s in STREAMS if (fit := FITS[n][s]) is not None]
REFUSED = [(n, s) for n in ANSWERABLE for s in STREAMS if FITS[n][s] is None]


def taken(answer: str) -> Media:
    """The one section of an answer in which media will flow."""
    (section,) = [s for s in media_of(answer) if s.port != 0 and "a=sendonly" in s.lines]
    return section


@pytest.mark.parametrize(("name", "stream", "fit"), GOOD)
def test_answer_fits_the_stream(name: str, stream: str, fit: tuple[str, str]) -> None:
    """One H.264 format: packetization-mode 1, the profile as offered, the level of the stream."""
    payload_type, profile_level_id = fit
    section = taken(answer_to(stored_offer(name), stream))
    assert section.formats[0] == payload_type
    assert section.codec(payload_type) == "H264/90000"
    parameters = section.format_parameters(payload_type)
    assert parameters["profile-level-id"] == profile_level_id
    assert parameters["packetization-mode"] == "1"
    assert parameters.get("level-asymmetry-allowed") == "1"


@pytest.mark.parametrize(("name", "stream"), REFUSED)
def test_what_a_browser_cannot_decode_is_refused(name: str, stream: str) -> None:
    """Nothing that fits is a 406 which names the stream and what was offered."""
    with pytest.raises(NotAcceptableError, match=f"{stream}.*42001f, 42e01f") as caught:
        answer_to(stored_offer(name), stream)
    assert caught.value.status == 406


def test_firefox_before_it_has_its_plugin_is_refused() -> None:
    """An offer of VP8, VP9 and AV1 alone is a 406 that says so."""
    with pytest.raises(NotAcceptableError, match="offered with packetization-mode 1: none"):
        answer_to(stored_offer("firefox-linux-without-h264"), CONSTRAINED_BASELINE)


@pytest.mark.parametrize("name", ANSWERABLE)
def test_no_other_codec_is_ever_answered(name: str) -> None:
    """The section that is taken names H.264 and its retransmissions only."""
    section = taken(answer_to(stored_offer(name), CONSTRAINED_BASELINE))
    assert section.kind == "video"
    assert {section.codec(pt) for pt in section.formats} <= {"H264/90000", "rtx/90000"}
    assert len(section.values("rtpmap")) == len(section.formats)
    for payload_type in section.formats[1:]:
        assert section.format_parameters(payload_type) == {"apt": section.formats[0]}


@pytest.mark.parametrize("name", ANSWERABLE)
def test_sections_keep_their_order_and_names(name: str) -> None:
    """As many sections as offered, of the same kind, protocol and mid, in the same order."""
    offer = stored_offer(name)
    offered, answered = media_of(offer), media_of(answer_to(offer, CONSTRAINED_BASELINE))
    assert [(s.kind, s.protocol, s.values("mid")) for s in answered] == [
        (s.kind, s.protocol, s.values("mid")) for s in offered
    ]
    for before, after in zip(offered, answered, strict=True):
        assert set(after.formats) <= set(before.formats)


@pytest.mark.parametrize("name", ANSWERABLE)
def test_nothing_but_the_video_flows(name: str) -> None:
    """Every other section is refused by port 0, or inactive because it carries the transport."""
    answer = answer_to(stored_offer(name), CONSTRAINED_BASELINE)
    (group,) = [
        line.removeprefix("a=group:BUNDLE ").split(" ")
        for line in answer.split("\r\n")
        if line.startswith("a=group:BUNDLE ")
    ]
    for section in media_of(answer):
        (mid,) = section.values("mid")
        directions = {"a=sendonly", "a=recvonly", "a=sendrecv", "a=inactive"} & set(section.lines)
        if section.kind == "video":
            assert directions == {"a=sendonly"}
        else:
            assert directions <= {"a=inactive"}
        assert (section.port != 0) == (mid in group)


@pytest.mark.parametrize("name", ANSWERABLE)
def test_feedback_is_what_is_acted_upon(name: str) -> None:
    """NACK, PLI and FIR are answered; bandwidth estimates are not, as nothing is re-encoded."""
    section = taken(answer_to(stored_offer(name), CONSTRAINED_BASELINE))
    kinds = {value.removeprefix(f"{section.formats[0]} ") for value in section.values("rtcp-fb")}
    assert kinds == {"nack", "nack pli", "ccm fir"}


@pytest.mark.parametrize(
    ("name", "number"),
    [("chromium-linux", "5"), ("firefox-linux", "6/sendonly"), ("safari-macos", "5")],
)
def test_header_extensions_keep_their_numbers(name: str, number: str) -> None:
    """Of the extensions offered those that are sent are answered, under the offered number.

    Firefox offers to receive only; the answer says the same from our side.
    """
    section = taken(answer_to(stored_offer(name), CONSTRAINED_BASELINE))
    uri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    assert [value.split(" ")[:2] for value in section.values("extmap")] == [[number, uri]]


def test_capture_time_is_answered_where_it_is_offered() -> None:
    """abs-capture-time, which a page has to ask for, is answered too."""
    capture = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
    offer = stored_offer("chromium-linux").replace(
        "a=recvonly", f"a=extmap:13 {capture}\r\na=recvonly"
    )
    section = taken(answer_to(offer, CONSTRAINED_BASELINE))
    assert f"13 {capture}" in section.values("extmap")


@pytest.mark.parametrize("name", ANSWERABLE)
def test_answer_has_candidates_in_it(name: str) -> None:
    """No trickling from our side: the candidates and their end are in the answer."""
    section = taken(answer_to(stored_offer(name), CONSTRAINED_BASELINE))
    assert any("127.0.0.1" in candidate for candidate in section.values("candidate"))
    assert "a=end-of-candidates" in section.lines
    assert section.values("setup") in (["active"], ["passive"])
    assert "a=rtcp-mux" in section.lines


@pytest.mark.parametrize("name", OFFERS)
def test_an_offer_is_an_offer(name: str) -> None:
    """The stored files are offers that an independent parser takes as such."""

    async def take() -> str:
        connection = RTCPeerConnection()
        await connection.setRemoteDescription(
            RTCSessionDescription(stored_offer(name).replace(".local", ".invalid"), "offer")
        )
        state = connection.signalingState
        await connection.close()
        return state

    assert asyncio.run(take()) == "have-remote-offer"
