"""The monitor: its page, and its calls forwarded to the server."""

import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from petstream.config import MonitorConfig, load_config
from petstream.errors import AlreadyRecordingError, TooManyViewersError
from petstream.web.app import create_app
from petstream.web.monitor import api as api_module
from petstream.web.monitor import forwarding as forwarding_module
from petstream.web.monitor import status as status_module
from petstream.web.security import Security
from tests.web.client import Client
from tests.web.conftest import RULES, serving
from tests.web.fake_service import STATUS, FakeService
from tests.web.monitoring import monitoring

TOKEN = "correct-horse-battery"
STATIC = Path(api_module.__file__).parent / "static"
OFFER: dict[str, object] = {"type": "offer", "sdp": "v=0\r\n"}


@pytest.fixture
def monitor(client: Client) -> Iterator[Client]:
    """A client of a monitor for the server of ``client``."""
    with monitoring(client.port) as monitor_client:
        yield monitor_client


class References(HTMLParser):
    """Collects what a page loads, and any script or style inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        found = dict(attrs)
        reference = found.get("src") or (found.get("href") if tag == "link" else None)
        if reference:
            self.loads.append(reference)
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)
        self.inline.extend(name for name in found if name == "style" or name.startswith("on"))


def test_the_page_loads_only_what_is_here(monitor: Client) -> None:
    """Each file it names is served with its type; nothing is inline and nothing from elsewhere."""
    page = monitor.ask("GET", "/")
    assert page.headers["Content-Type"].startswith("text/html")
    references = References()
    references.feed(page.body.decode())
    assert references.inline == []
    scripts = {path.name for path in STATIC.glob("*.js")}
    assert {Path(loaded).name for loaded in references.loads} >= scripts  # none comes late
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for reference in references.loads:
        answer = monitor.ask("GET", reference)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(types[Path(reference).suffix])


def test_the_policy_forbids_inline_and_foreign_scripts(monitor: Client) -> None:
    """Content-Security-Policy has no unsafe word."""
    policy = monitor.ask("GET", "/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_listed_origin_may_frame_the_page(client: Client) -> None:
    """A dashboard that may call may show it as well."""
    with monitoring(client.port, allow_origin=("https://dash.example",)) as monitor:
        policy = monitor.ask("GET", "/").headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://dash.example" in policy


def test_files_are_asked_for_again_and_not_sent_again(monitor: Client) -> None:
    """An unchanged file is a 304, so that an update shows at the next load."""
    first = monitor.ask("GET", "/static/main.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = monitor.ask("GET", "/static/main.js", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.js",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/static/main.js%00",
    ],
)
def test_no_other_file_can_be_had(monitor: Client, path: str) -> None:
    """Only names that were read at the start exist."""
    assert monitor.ask("GET", path).status == 404


def test_an_offer_reaches_the_server(monitor: Client, service: FakeService) -> None:
    """Body and answer go through."""
    answer = monitor.ask("POST", "/api/webrtc/offer", OFFER)
    assert (answer.status, answer.json["type"]) == (200, "answer")
    assert service.calls == [("admit", "v=0\r\n")]


def test_recording_is_controlled_through_the_monitor(monitor: Client, service: FakeService) -> None:
    """Start with and without a body, stop, status."""
    assert monitor.ask("POST", "/api/recording/start").json["success"] is True
    assert monitor.ask("POST", "/api/recording/start", {"format": "mp4"}).status == 200
    assert monitor.ask("POST", "/api/recording/stop").status == 200
    assert monitor.ask("GET", "/api/recording/status").json == STATUS
    assert service.calls == [("start", None, None), ("start", "mp4", None), ("stop",)]


def test_the_servers_errors_come_through(monitor: Client, service: FakeService) -> None:
    """Status, code and Retry-After are the server's own."""
    service.failure = AlreadyRecordingError("since noon")
    answer = monitor.ask("POST", "/api/recording/start")
    assert (answer.status, answer.error) == (409, "already_recording")
    service.failure = TooManyViewersError("10 of 10")
    answer = monitor.ask("POST", "/api/webrtc/offer", OFFER)
    assert (answer.status, answer.error) == (503, "too_many_clients")
    assert answer.headers["Retry-After"] == "5"


def test_a_bad_offer_is_the_servers_to_refuse(monitor: Client) -> None:
    """The monitor does not judge bodies, it only bounds them."""
    assert monitor.ask("POST", "/api/webrtc/offer", "x").status == 415
    answer = monitor.ask("POST", "/api/webrtc/offer", b"x" * 200_000)
    assert answer.status == 413


def test_status_is_health_and_recorder(monitor: Client, service: FakeService) -> None:
    """One call tells the page all it shows."""
    answer = monitor.ask("GET", "/api/status")
    assert answer.json == {**service.report, "recorder": STATUS}


CALLS = [
    ("POST", "/api/webrtc/offer"),
    ("POST", "/api/recording/start"),
    ("POST", "/api/recording/stop"),
    ("GET", "/api/recording/status"),
    ("GET", "/api/status"),
    ("GET", "/api/clock"),
    ("GET", "/api/recordings"),
    ("GET", "/api/recordings/a.mp4"),
    ("GET", "/api/recordings/a.mp4/thumbnail.jpg"),
    ("DELETE", "/api/recordings/a.mp4"),
    ("POST", "/api/recordings/a.mp4/protect"),
    ("GET", "/api/snapshot.jpg"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_server_that_is_away_is_503(method: str, path: str) -> None:
    """The page is there, and is told."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        with monitoring(closed.getsockname()[1]) as monitor:
            answer = monitor.ask(method, path)
            assert (answer.status, answer.error) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert monitor.ask("GET", "/").status == 200


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_server_that_hangs_is_503(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    """A connection that is never answered is given up."""
    for module in (api_module, forwarding_module, status_module):
        for name in {"QUICK_S", "SLOW_S"} & vars(module).keys():
            monkeypatch.setattr(module, name, 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as hanging,
        monitoring(hanging.getsockname()[1]) as monitor,
    ):
        answer = monitor.ask(method, path)
    assert (answer.status, answer.error) == (503, "unavailable")


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>not petstream</p>",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b" " * 2_000_000,
    ],
)
def test_a_server_that_talks_nonsense_is_503(reply: bytes) -> None:
    """Whatever listens there need not be petstream."""
    with socket.create_server(("127.0.0.1", 0)) as strange:

        def answer_once() -> None:
            connection, _ = strange.accept()
            with connection:
                connection.recv(65536)
                try:
                    connection.sendall(reply)
                except OSError:  # the monitor has had enough
                    return

        thread = threading.Thread(target=answer_once)
        thread.start()
        try:
            with monitoring(strange.getsockname()[1]) as monitor:
                answer = monitor.ask("GET", "/api/status")
        finally:
            thread.join()
    assert (answer.status, answer.error) == (503, "unavailable")


def test_ice_servers_are_as_browsers_want_them(client: Client) -> None:
    """STUN and TURN from the settings, credentials included: the browser needs them."""
    flags = ["-stun", "stun.example.org", "-turn", "turn:me:pw@turn.example.org:3478"]
    config = load_config(MonitorConfig, flags, {}).config
    with monitoring(client.port, stun=config.stun, turn=config.turn) as monitor:
        answer = monitor.ask("GET", "/api/webrtc/config")
    assert answer.json == {
        "iceServers": [
            {"urls": ["stun:stun.example.org"]},
            {"urls": ["turn:turn.example.org:3478"], "username": "me", "credential": "pw"},
        ]
    }


def test_a_token_guards_the_page_and_opens_the_server(service: FakeService, tmp_path: Path) -> None:
    """A browser is asked for a password; the monitor hands the token on."""
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    security = Security(RULES.host_names, token=TOKEN)
    with (
        serving(create_app(service, security)) as server,
        monitoring(server.port, auth_token_file=token_file) as monitor,
    ):
        refused = monitor.ask("GET", "/")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        allowed = monitor.ask("POST", "/api/recording/stop", Authorization=f"Bearer {TOKEN}")
        assert allowed.status == 200


def test_a_server_that_wants_a_token_is_503(service: FakeService) -> None:
    """The page cannot give what the monitor lacks; the message says what to do."""
    security = Security(RULES.host_names, token=TOKEN)
    with (
        serving(create_app(service, security)) as server,
        monitoring(server.port) as monitor,
    ):
        answer = monitor.ask("POST", "/api/recording/start")
    assert (answer.status, answer.error) == (503, "unavailable")
    assert "-auth-token-file" in str(answer.json["message"])
    assert service.calls == []
