"""GET /clock."""

from tests.web.client import Client


def test_the_clock_is_the_services(client: Client) -> None:
    """Its three numbers, never from a cache."""
    answer = client.ask("GET", "/clock")
    assert answer.status == 200
    assert set(answer.json) == {"now_ns", "rtp_ticks", "capture_ns"}
    assert answer.headers["Cache-Control"] == "no-store"
