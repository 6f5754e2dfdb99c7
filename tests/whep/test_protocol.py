"""WHEP by the letter: methods, headers and errors of a running server, as curl would see them."""

from collections.abc import Iterator

import pytest
import requests

from petstream.server import Server
from tests.faults.crowd import sendable

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "a=candidate:1 1 udp 2113937151 127.0.0.1 50000 typ host\r\n"


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """A client that keeps its connection."""
    with requests.Session() as session:
        yield session


def create(http: requests.Session, server: Server) -> tuple[str, requests.Response]:
    """Post an offer; the session's address and the answer."""
    base = server.addresses["http"]
    reply = http.post(f"{base}/whep", data=sendable(), headers=SDP, timeout=20)
    assert reply.status_code == 201, reply.text
    return base + reply.headers["Location"], reply


def test_creating_a_session(http: requests.Session, server: Server) -> None:
    """201 with an SDP answer, a Location of its own, an entity tag, and what PATCH takes."""
    first, reply = create(http, server)
    second, _ = create(http, server)
    assert first != second
    assert reply.headers["Content-Type"].startswith("application/sdp")
    assert reply.text.startswith("v=0\r\n")
    assert reply.headers["ETag"].startswith('"')
    assert reply.headers["Accept-Patch"] == FRAGMENT["Content-Type"]
    assert "Link" not in reply.headers, "there are no ice servers by default"


def test_ending_a_session(http: requests.Session, server: Server) -> None:
    """DELETE gives the slot back at once; the second time there is nothing to end."""
    session, _ = create(http, server)
    assert len(server.service.viewers()) == 1
    assert http.delete(session, timeout=20).status_code == 200
    assert server.service.viewers() == []
    assert http.delete(session, timeout=20).status_code == 404
    assert http.patch(session, data=CANDIDATE, headers=FRAGMENT, timeout=20).status_code == 404


def test_trickling_candidates(http: requests.Session, server: Server) -> None:
    """PATCH takes candidates with the session's tag, with * and without; not with another's."""
    session, reply = create(http, server)
    for tag in ({"If-Match": reply.headers["ETag"]}, {"If-Match": "*"}, {}):
        done = http.patch(session, data=CANDIDATE, headers={**FRAGMENT, **tag}, timeout=20)
        assert (done.status_code, done.content) == (204, b"")
    stale = http.patch(
        session, data=CANDIDATE, headers={**FRAGMENT, "If-Match": '"other"'}, timeout=20
    )
    assert stale.status_code == 412
    broken = http.patch(session, data="a=candidate:1 1 udp\r\n", headers=FRAGMENT, timeout=20)
    assert broken.status_code == 400
    wrong = http.patch(session, data=CANDIDATE, headers=SDP, timeout=20)
    assert wrong.status_code == 415


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        ("hello", SDP["Content-Type"], 400),
        ("", SDP["Content-Type"], 400),
        (sendable("firefox-linux-without-h264"), SDP["Content-Type"], 406),
        (sendable(), "application/json", 415),
        (sendable(), "text/plain", 415),
        ("v=0\r\n" + "a=x\r\n" * 40_000, SDP["Content-Type"], 413),
    ],
)
def test_what_makes_no_session(
    http: requests.Session, server: Server, body: str, media_type: str, status: int
) -> None:
    """An offer that cannot be used is an error as JSON, and takes no slot."""
    reply = http.post(
        f"{server.addresses['http']}/whep",
        data=body,
        headers={"Content-Type": media_type},
        timeout=20,
    )
    assert reply.status_code == status
    assert set(reply.json()) == {"error", "message"}
    assert server.service.webrtc.admission.taken == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_on_the_endpoint(http: requests.Session, server: Server, method: str) -> None:
    """405 with what is allowed."""
    reply = http.request(method, f"{server.addresses['http']}/whep", timeout=20)
    assert reply.status_code == 405
    assert set(reply.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_other_methods_on_a_session(http: requests.Session, server: Server, method: str) -> None:
    """405 with what is allowed, whether or not there is such a session."""
    session, _ = create(http, server)
    for url in (session, f"{server.addresses['http']}/whep/nobody"):
        reply = http.request(method, url, timeout=20)
        assert reply.status_code == 405
        assert {"DELETE", "PATCH"} <= set(reply.headers["Allow"].split(", "))


def test_asking_what_is_possible(http: requests.Session, server: Server) -> None:
    """OPTIONS names the methods and the media type of an offer."""
    reply = http.options(f"{server.addresses['http']}/whep", timeout=20)
    assert reply.status_code == 204
    assert "POST" in reply.headers["Allow"]
    assert reply.headers["Accept-Post"] == SDP["Content-Type"]


def test_a_player_on_another_page(http: requests.Session, start_server: object) -> None:
    """A page of an allowed origin may call, and may read what it needs; another is refused."""
    assert callable(start_server)
    server: Server = start_server("-allow-origin=http://player.example")
    url = f"{server.addresses['http']}/whep"
    for origin, status in (("http://player.example", 201), ("http://evil.example", 403)):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        preflight = http.options(url, headers=asked, timeout=20)
        allowed = preflight.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if status == 201 else None)
        reply = http.post(url, data=sendable(), headers={**SDP, "Origin": origin}, timeout=20)
        assert reply.status_code == status
    last = http.post(
        url, data=sendable(), headers={**SDP, "Origin": "http://player.example"}, timeout=20
    )
    exposed = {
        name.strip().lower() for name in last.headers["Access-Control-Expose-Headers"].split(",")
    }
    assert {"location", "etag", "link"} <= exposed


def test_no_place_left(http: requests.Session, start_server: object) -> None:
    """At the limit 503 says when to come back."""
    assert callable(start_server)
    server: Server = start_server("-max-clients=1")
    create(http, server)
    reply = http.post(f"{server.addresses['http']}/whep", data=sendable(), headers=SDP, timeout=20)
    assert reply.status_code == 503
    assert int(reply.headers["Retry-After"]) > 0
