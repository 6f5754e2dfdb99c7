"""POST /start, POST /stop, GET /status."""

import subprocess

import pytest

from petstream.errors import (
    AlreadyRecordingError,
    NoSpaceError,
    NotRecordingError,
    PetstreamError,
    RecordingError,
)
from tests.web.client import Client
from tests.web.fake_service import STATUS, FakeService


def test_start_needs_neither_body_nor_header(client: Client, service: FakeService) -> None:
    """A bare POST starts a recording with the configured settings."""
    answer = client.ask("POST", "/start")
    assert (answer.status, answer.json) == (200, {"success": True, "status": STATUS})
    assert service.calls == [("start", None, None)]


def test_curl_starts_a_recording_as_documented(client: Client, service: FakeService) -> None:
    """The command of the documentation works as it stands."""
    url = f"http://localhost:{client.port}/start"
    done = subprocess.run(["curl", "-sf", "-X", "POST", url], capture_output=True, timeout=20)
    assert done.returncode == 0
    assert b'"success":true' in done.stdout
    assert service.calls == [("start", None, None)]


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("{}", (None, None)),
        ('{"format":"mp4"}', ("mp4", None)),
        ('{"pre_roll_s":5}', (None, 5.0)),
        ('{"pre_roll_s":0.25,"format":"h264"}', ("h264", 0.25)),
        ('{"format":null,"pre_roll_s":null}', (None, None)),
    ],
)
@pytest.mark.parametrize("media_type", ["application/json", ""])
def test_start_takes_format_and_pre_roll(
    client: Client,
    service: FakeService,
    body: str,
    call: tuple[str | None, float | None],
    media_type: str,
) -> None:
    """Both keys are optional, and so is the content type."""
    assert client.ask("POST", "/start", body, Content_Type=media_type).status == 200
    assert service.calls == [("start", *call)]


@pytest.mark.parametrize(
    "body",
    [
        '{"formats":"mp4"}',
        '{"format":1}',
        '{"format":["mp4"]}',
        '{"pre_roll_s":true}',
        '{"pre_roll_s":"5"}',
        '{"pre_roll_s":-1}',
        '{"pre_roll_s":1e300}',
        '{"pre_roll_s":' + "9" * 400 + "}",
        '{"pre_roll_s":[]}',
    ],
)
def test_start_with_a_bad_body_is_400(client: Client, service: FakeService, body: str) -> None:
    """An unknown key or a value of another type starts nothing."""
    answer = client.ask("POST", "/start", body, Content_Type="application/json")
    assert (answer.status, answer.error) == (400, "bad_request")
    assert service.calls == []


def test_start_with_a_form_is_415(client: Client, service: FakeService) -> None:
    """What an HTML form or a bare curl -d sends is not JSON."""
    answer = client.ask(
        "POST", "/start", '{"format":"mp4"}', Content_Type="application/x-www-form-urlencoded"
    )
    assert answer.status == 415
    assert service.calls == []


def test_stop_gives_the_final_status(client: Client, service: FakeService) -> None:
    """The recording's figures come with the answer."""
    answer = client.ask("POST", "/stop")
    assert answer.status == 200
    assert answer.json == {"success": True, "status": {**STATUS, "recording": False}}
    assert service.calls == [("stop",)]


def test_status_has_the_keys_in_their_order(client: Client) -> None:
    """GET /status is what the recorder says, keys not sorted."""
    answer = client.ask("GET", "/status")
    assert (answer.status, answer.json) == (200, STATUS)
    assert list(answer.json) == list(STATUS)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "failure", "status", "code"),
    [
        ("/start", AlreadyRecordingError("since noon"), 409, "already_recording"),
        ("/start", NoSpaceError("0 bytes free"), 507, "no_space"),
        ("/start", RecordingError("cannot open"), 500, "recording_failed"),
        ("/stop", NotRecordingError("nothing runs"), 409, "not_recording"),
    ],
)
def test_what_the_recorder_refuses_keeps_its_status(
    client: Client,
    service: FakeService,
    path: str,
    failure: PetstreamError,
    status: int,
    code: str,
) -> None:
    """409, 507 and 500 come with the recorder's own words."""
    service.failure = failure
    answer = client.ask("POST", path)
    assert (answer.status, answer.error) == (status, code)
    assert answer.json["message"] == str(failure)


@pytest.mark.parametrize(("method", "path"), [("GET", "/start"), ("PUT", "/stop")])
def test_a_wrong_method_changes_nothing(
    client: Client, service: FakeService, method: str, path: str
) -> None:
    """405 with Allow, and no recording."""
    answer = client.ask(method, path)
    assert (answer.status, answer.error) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]
    assert service.calls == []


def test_a_post_to_status_is_405(client: Client) -> None:
    """Reading is by GET or HEAD."""
    answer = client.ask("POST", "/status")
    assert answer.status == 405
    assert {"GET", "HEAD"} <= {name.strip() for name in answer.headers["Allow"].split(",")}
