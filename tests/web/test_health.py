"""GET /health, and errors nobody foresaw."""

import logging

import pytest

from tests.web.client import Client
from tests.web.fake_service import FakeService


def test_health_is_what_the_service_says(client: Client, service: FakeService) -> None:
    """The report goes through with all its keys."""
    answer = client.ask("GET", "/health")
    assert (answer.status, answer.json) == (200, service.report)


def test_a_degraded_server_still_answers_200(client: Client, service: FakeService) -> None:
    """It lives, and says what is wrong."""
    service.report = {"status": "degraded", "reasons": ["the camera is stale"]}
    answer = client.ask("GET", "/health")
    assert (answer.status, answer.json) == (200, service.report)


@pytest.mark.parametrize("query", ["?strict=1", "?strict=true", "?strict"])
@pytest.mark.parametrize(("state", "status"), [("ok", 200), ("degraded", 503)])
def test_a_strict_probe_sees_it_in_the_status(
    client: Client, service: FakeService, query: str, state: str, status: int
) -> None:
    """503 with the whole report when degraded."""
    service.report = {"status": state, "reasons": []}
    answer = client.ask("GET", f"/health{query}")
    assert (answer.status, answer.json) == (status, service.report)
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_strict_0_is_not_strict(client: Client, service: FakeService) -> None:
    """A probe can say no."""
    service.report = {"status": "degraded", "reasons": []}
    assert client.ask("GET", "/health?strict=0").status == 200


def test_a_fault_is_logged_and_not_told(
    client: Client, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """500 says nothing of the inside; the log has the traceback."""
    service.failure = RuntimeError("secret of the house")
    with caplog.at_level(logging.ERROR):
        answer = client.ask("POST", "/stop")
    assert (answer.status, answer.error) == (500, "internal_error")
    assert b"secret" not in answer.body
    assert "secret of the house" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/status/", "/whep/a/b", "/%00", "/offer%2f"])
def test_an_unknown_path_is_404(client: Client, path: str) -> None:
    """With JSON, like every error."""
    answer = client.ask("GET", path)
    assert (answer.status, answer.error) == (404, "not_found")
