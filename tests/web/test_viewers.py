"""GET /viewers."""

from dataclasses import asdict

from tests.web.client import Client
from tests.web.fake_service import FakeViewer


def test_every_viewers_figures(client: Client) -> None:
    """As the service tells them, in a list."""
    answer = client.ask("GET", "/viewers")
    assert answer.status == 200
    assert answer.json == {"viewers": [asdict(FakeViewer())]}


def test_only_get(client: Client) -> None:
    """405 with Allow."""
    answer = client.ask("POST", "/viewers")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
