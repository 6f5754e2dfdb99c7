"""GET /recordings and what hangs on it, GET /snapshot.jpg."""

import pytest

from petstream.errors import (
    NoPictureError,
    PetstreamError,
    RecordingInUseError,
    RecordingProtectedError,
    UnknownRecordingError,
)
from petstream.web.app import create_app
from petstream.web.partial import TRANSFERS_MAX
from tests.recording.helpers import wait_until
from tests.web.client import Client
from tests.web.conftest import RULES, serving
from tests.web.fake_service import ENTRY, FakeMedia, FakeService

NAME = str(ENTRY["name"])
PATH = f"/recordings/{NAME}"
DATA = FakeMedia.data


def test_the_list_is_what_the_service_says(client: Client) -> None:
    """Entries come as they are, under one key."""
    answer = client.ask("GET", "/recordings")
    assert (answer.status, answer.json) == (200, {"recordings": [ENTRY]})


def test_a_recording_comes_whole(client: Client, service: FakeService) -> None:
    """Without a range: 200, length, type, validators, and that ranges are understood."""
    answer = client.ask("GET", PATH)
    assert (answer.status, answer.body) == (200, DATA)
    assert {name: answer.headers[name] for name in ("Content-Length", "Content-Type", "ETag")} == {
        "Content-Length": "1000",
        "Content-Type": "video/mp4",
        "ETag": '"a-b"',
    }
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Last-Modified"] == "Fri, 26 Dec 2025 22:30:31 GMT"
    assert "media-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "Content-Disposition" not in answer.headers
    assert service.calls == [("open", NAME, False, False)]
    wait_until(lambda: service.recordings.media.closed == 1)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, 1000),
        ("bytes=10-19", 10, 20),
        ("bytes=990-5000", 990, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=999-", 999, 1000),
    ],
)
def test_a_part_comes_as_a_part(client: Client, asked: str, start: int, stop: int) -> None:
    """206 with the place of the part, and no byte more (RFC 9110 section 14)."""
    answer = client.ask("GET", PATH, Range=asked)
    assert (answer.status, answer.body) == (206, DATA[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1000"
    assert answer.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=5-1", "bytes=x-y", "bytes", "lines=0-1", "bytes=--1", ""]
)
def test_a_range_that_is_none_is_passed_over(client: Client, asked: str) -> None:
    """Several ranges, other units and nonsense give the whole, as the RFC allows."""
    answer = client.ask("GET", PATH, Range=asked)
    assert (answer.status, answer.body) == (200, DATA)


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000"])
def test_a_range_behind_the_end_is_416(client: Client, service: FakeService, asked: str) -> None:
    """The answer says how long the file is, and the file is let go."""
    answer = client.ask("GET", PATH, Range=asked)
    assert (answer.status, answer.error) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */1000"
    wait_until(lambda: service.recordings.media.closed == 1)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"a-b"', 206),
        ('"old"', 200),
        ('W/"old"', 200),
        ("Fri, 26 Dec 2025 22:30:31 GMT", 206),
        ("Fri, 26 Dec 2025 22:30:30 GMT", 200),
    ],
)
def test_if_range_keeps_two_versions_apart(client: Client, condition: str, status: int) -> None:
    """The rest of a file that has changed is of no use; the whole comes instead."""
    answer = client.ask("GET", PATH, Range="bytes=500-", If_Range=condition)
    assert answer.status == status
    assert answer.body == (DATA[500:] if status == 206 else DATA)


def test_what_a_client_has_is_not_sent_again(client: Client, service: FakeService) -> None:
    """304 for the entity tag it names."""
    answer = client.ask("GET", PATH, If_None_Match='"a-b"')
    assert (answer.status, answer.body) == (304, b"")
    assert client.ask("GET", PATH, If_None_Match='"old"').status == 200
    wait_until(lambda: service.recordings.media.closed == 2)


def test_head_says_all_but_the_bytes(client: Client, service: FakeService) -> None:
    """Length and type come without the file being read."""
    answer = client.ask("HEAD", PATH)
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "1000", b"")
    wait_until(lambda: service.recordings.media.closed == 1)


def test_mp4_and_download_are_asked_for(client: Client, service: FakeService) -> None:
    """?format=mp4 remuxes, ?download=1 saves under the fitting name."""
    answer = client.ask("GET", f"{PATH}?format=mp4&download=1", Range="bytes=7-")
    disposition = 'attachment; filename="recording_20251226_223031.mp4"'
    assert answer.headers["Content-Disposition"] == disposition
    assert service.calls == [("open", NAME, True, True)]
    answer = client.ask("GET", f"{PATH}?download=1")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{NAME}"'
    assert client.ask("GET", f"{PATH}?format=avi").error == "bad_request"


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2fetc%2fpasswd", "%2fetc%2fpasswd", "a%00b", "a/b", "", ".", "%2e%2e%2f"],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_c08_no_name_leads_outside(
    client: Client, service: FakeService, method: str, name: str
) -> None:
    """What is no single name never reaches the service; what is one, the catalogue checks."""
    answer = client.ask(method, f"/recordings/{name}")
    if any(separator in name.lower() for separator in ("/", "%2f")) or not name:
        assert (answer.status, answer.error) == (404, "not_found")
        assert service.calls == []


def test_delete_and_protect(client: Client, service: FakeService) -> None:
    """Both say what they did; protect is on unless the body says off."""
    assert client.ask("DELETE", PATH).json == {"success": True}
    answer = client.ask("POST", f"{PATH}/protect")
    assert answer.json == {"success": True, "recording": {**ENTRY, "protected": True}}
    answer = client.ask("POST", f"{PATH}/protect", {"protected": False})
    assert answer.json == {"success": True, "recording": ENTRY}
    assert service.calls == [
        ("delete", NAME),
        ("protect", NAME, True),
        ("protect", NAME, False),
    ]


@pytest.mark.parametrize("body", ['{"protect":true}', '{"protected":1}', "[]", "{"])
def test_protect_with_a_bad_body_is_400(client: Client, service: FakeService, body: str) -> None:
    """A typing error protects nothing, and takes no protection away."""
    answer = client.ask("POST", f"{PATH}/protect", body, Content_Type="application/json")
    assert (answer.status, answer.error) == (400, "bad_request")
    assert service.calls == []


def test_pictures_are_jpeg(client: Client) -> None:
    """A thumbnail may be kept for a while, a snapshot may not."""
    thumbnail = client.ask("GET", f"{PATH}/thumbnail.jpg")
    assert (thumbnail.body, thumbnail.headers["Content-Type"]) == (b"small", "image/jpeg")
    assert "max-age" in thumbnail.headers["Cache-Control"]
    snapshot = client.ask("GET", "/snapshot.jpg")
    assert (snapshot.body, snapshot.headers["Content-Type"]) == (b"large", "image/jpeg")
    assert snapshot.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "failure", "status", "code"),
    [
        ("GET", PATH, UnknownRecordingError("no"), 404, "unknown_recording"),
        ("GET", f"{PATH}/thumbnail.jpg", UnknownRecordingError("no"), 404, "unknown_recording"),
        ("GET", "/snapshot.jpg", NoPictureError("not yet"), 503, "no_picture"),
        ("DELETE", PATH, RecordingInUseError("being written"), 409, "recording_in_use"),
        ("DELETE", PATH, RecordingProtectedError("protected"), 409, "recording_protected"),
        ("POST", f"{PATH}/protect", UnknownRecordingError("no"), 404, "unknown_recording"),
    ],
)
def test_what_the_service_refuses_keeps_its_status(
    client: Client,
    service: FakeService,
    method: str,
    path: str,
    failure: PetstreamError,
    status: int,
    code: str,
) -> None:
    """404, 409 and 503 come with the reason."""
    service.failure = failure
    answer = client.ask(method, path)
    assert (answer.status, answer.error) == (status, code)
    assert answer.json["message"] == str(failure)


class LongMedia(FakeMedia):
    """More than any socket buffer takes."""

    size = 2**30

    def chunks(self, start: int, stop: int) -> list[bytes]:  # type: ignore[override]
        """Zeros."""
        return iter([bytes(2**16)] * ((stop - start) // 2**16))  # type: ignore[return-value]


def test_paused_downloads_leave_the_server_its_threads(service: FakeService) -> None:
    """As many as there may be take nothing; another one is told to wait, all else answers."""
    service.recordings.media = LongMedia()
    with serving(create_app(service, RULES), threads=TRANSFERS_MAX + 2) as client:
        paused = [client.connect() for _ in range(TRANSFERS_MAX)]
        try:
            for sock in paused:
                sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert sock.recv(15) == b"HTTP/1.1 200 OK"
            refused = client.ask("GET", PATH)
            assert (refused.status, refused.error) == (503, "unavailable")
            assert client.ask("GET", "/status").status == 200
        finally:
            for sock in paused:
                sock.close()
        wait_until(lambda: service.recordings.media.closed == TRANSFERS_MAX + 1)
        with client.connect() as sock:
            sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert sock.recv(15) == b"HTTP/1.1 200 OK"


def test_a_download_that_takes_nothing_is_given_up(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a time its worker is free again; who waits longer asks for the rest."""
    monkeypatch.setattr("petstream.web.channel.STALL_S", 0.5)
    service.recordings.media = LongMedia()
    with serving(create_app(service, RULES)) as client, client.connect() as sock:
        sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_until(lambda: service.recordings.media.closed == 1)
