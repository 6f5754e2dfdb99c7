"""POST /offer and WHEP."""

import pytest

from petstream.errors import (
    BadOfferError,
    NotAcceptableError,
    PetstreamError,
    StaleSessionError,
    TooManyViewersError,
    UnavailableError,
    UnknownViewerError,
)
from tests.web.client import Client
from tests.web.fake_service import FakeService, FakeSession

OFFER: dict[str, object] = {"type": "offer", "sdp": "v=0\r\n"}
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


def test_an_offer_is_answered_with_an_answer(client: Client, service: FakeService) -> None:
    """The SDP goes to the service as it is, and its answer comes back."""
    answer = client.ask("POST", "/offer", OFFER)
    assert answer.status == 200
    session = FakeSession()
    expected = {"type": "answer", "sdp": session.answer, "rtp_offset": session.rtp_offset}
    assert answer.json == expected
    assert service.calls == [("admit", "v=0\r\n")]


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
def test_an_offer_may_name_its_charset(client: Client, media_type: str) -> None:
    """Parameters and case of the media type do not matter."""
    answer = client.ask("POST", "/offer", '{"type":"offer","sdp":"v=0"}', Content_Type=media_type)
    assert answer.status == 200


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/sdp"]
)
def test_an_offer_that_is_not_json_is_415(
    client: Client, service: FakeService, media_type: str
) -> None:
    """Only application/json will do, so that no HTML form can make an offer."""
    answer = client.ask("POST", "/offer", '{"type":"offer","sdp":"v=0"}', Content_Type=media_type)
    assert (answer.status, answer.error) == (415, "unsupported_media_type")
    assert answer.headers["Accept"] == "application/json"
    assert service.calls == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "offer"},
        {"type": "answer", "sdp": "v=0"},
        {"type": "offer", "sdp": ""},
        {"type": "offer", "sdp": 5},
        {"type": "offer", "sdp": None},
        {"type": "offer", "sdp": "v=0\ud800"},
        {"type": ["offer"], "sdp": "v=0"},
    ],
)
def test_an_offer_without_type_or_sdp_is_400(
    client: Client, service: FakeService, body: dict[str, object]
) -> None:
    """Both keys have to be there and to be texts that can be sent on."""
    answer = client.ask("POST", "/offer", body)
    assert (answer.status, answer.error) == (400, "bad_request")
    assert service.calls == []


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (BadOfferError("no media"), 400, "bad_offer"),
        (NotAcceptableError("no h264"), 406, "not_acceptable"),
        (TooManyViewersError("10 of 10"), 503, "too_many_clients"),
        (UnavailableError("loop blocked"), 503, "unavailable"),
    ],
)
@pytest.mark.parametrize("path", ["/offer", "/whep"])
def test_what_the_service_refuses_keeps_its_status(
    client: Client,
    service: FakeService,
    path: str,
    failure: PetstreamError,
    status: int,
    code: str,
) -> None:
    """The error's class decides status and code, its text is the message."""
    service.failure = failure
    if path == "/offer":
        answer = client.ask("POST", path, OFFER)
    else:
        answer = client.ask("POST", path, "v=0", Content_Type=SDP)
    assert (answer.status, answer.error) == (status, code)
    assert answer.json["message"] == str(failure)
    assert (int(answer.headers.get("Retry-After", 0)) > 0) == (status == 503)


def test_whep_creates_a_viewer_that_can_be_named(client: Client, service: FakeService) -> None:
    """201 with the place of the session, its tag and what may be patched."""
    answer = client.ask("POST", "/whep", "v=0\r\n", Content_Type=SDP)
    assert answer.status == 201
    assert answer.headers["Location"] == "/whep/Vx3-_9"
    assert answer.headers["Content-Type"].partition(";")[0] == SDP
    assert answer.headers["ETag"] == '"session-1"'
    assert answer.headers["Accept-Patch"] == FRAGMENT
    assert answer.headers["Link"] == service.ice_links()[0]
    assert answer.body == b"v=0\r\nanswer\r\n"
    assert service.calls == [("admit", "v=0\r\n")]


@pytest.mark.parametrize("body", [b"", b"  \r\n", b"v=0\xff"])
def test_a_whep_offer_that_is_no_text_is_400(client: Client, body: bytes) -> None:
    """Nothing, blanks and bad UTF-8 are no SDP."""
    assert client.ask("POST", "/whep", body, Content_Type=SDP).status == 400


def test_a_whep_offer_of_another_type_is_415(client: Client) -> None:
    """JSON belongs to /offer."""
    assert client.ask("POST", "/whep", OFFER).status == 415


def test_whep_tells_what_it_accepts(client: Client) -> None:
    """OPTIONS names the media type of an offer."""
    answer = client.ask("OPTIONS", "/whep")
    assert answer.status == 204
    assert answer.headers["Accept-Post"] == SDP
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("if_match", "etag"),
    [(None, None), ('"session-1"', "session-1"), ("*", None), ('"a", "b"', None)],
)
def test_candidates_can_be_trickled(
    client: Client, service: FakeService, if_match: str | None, etag: str | None
) -> None:
    """PATCH hands on the fragment with the session it is meant for, and answers 204."""
    headers = {} if if_match is None else {"If_Match": if_match}
    answer = client.ask("PATCH", "/whep/Vx3-_9", "a=x\r\n", Content_Type=FRAGMENT, **headers)
    assert answer.status == 204
    assert answer.body == b""
    assert "Content-Type" not in answer.headers
    assert service.calls == [("whep_trickle", "Vx3-_9", "a=x\r\n", etag)]


def test_a_fragment_of_another_type_is_415(client: Client) -> None:
    """The type for fragments is the only one."""
    answer = client.ask("PATCH", "/whep/x", "a=x", Content_Type=SDP)
    assert (answer.status, answer.headers["Accept"]) == (415, FRAGMENT)


def test_a_fragment_for_an_earlier_session_is_412(client: Client, service: FakeService) -> None:
    """The service compares the tags."""
    service.failure = StaleSessionError("the tag is old")
    answer = client.ask("PATCH", "/whep/x", "a=x", Content_Type=FRAGMENT)
    assert (answer.status, answer.error) == (412, "stale_session")


def test_whep_delete_ends_the_viewer(client: Client, service: FakeService) -> None:
    """DELETE of the session's address answers 200."""
    assert client.ask("DELETE", "/whep/Vx3-_9").status == 200
    assert service.calls == [("whep_delete", "Vx3-_9")]


def test_an_unknown_viewer_is_404(client: Client, service: FakeService) -> None:
    """The service knows who is there."""
    service.failure = UnknownViewerError("no viewer x")
    answer = client.ask("DELETE", "/whep/x")
    assert (answer.status, answer.error) == (404, "unknown_viewer")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/offer", {"POST", "OPTIONS"}),
        ("DELETE", "/offer", {"POST", "OPTIONS"}),
        ("GET", "/whep", {"POST", "OPTIONS"}),
        ("GET", "/whep/x", {"PATCH", "DELETE", "OPTIONS"}),
        ("POST", "/whep/x", {"PATCH", "DELETE", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_405_with_allow(
    client: Client, method: str, path: str, allowed: set[str]
) -> None:
    """Allow lists what the address takes."""
    answer = client.ask(method, path)
    assert (answer.status, answer.error) == (405, "method_not_allowed")
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed
