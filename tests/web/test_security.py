"""Host, Origin, CORS, token and headers: who may call."""

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from petstream.config import Config, MonitorConfig
from petstream.errors import ConfigError
from petstream.web.app import create_app
from petstream.web.metrics_app import create_metrics_app
from petstream.web.monitor.app import create_monitor_app, monitor_security
from petstream.web.monitor.backend import Backend
from petstream.web.security import Security, canonical_host, machine_names, read_token
from tests.web.client import Client
from tests.web.conftest import serving
from tests.web.fake_service import FakeService

TOKEN = "correct-horse-battery"


@pytest.fixture
def listed(service: FakeService) -> Iterator[Client]:
    """A server with -allowed-host camera.example and -allow-origin https://dash.example."""
    config = Config(allowed_host=("camera.example",), allow_origin=("https://dash.example",))
    with serving(create_app(service, Security.from_config(config))) as client:
        yield client


@pytest.fixture
def guarded(service: FakeService, tmp_path: Path) -> Iterator[Client]:
    """A server that wants a token."""
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    config = Config(auth_token_file=token_file, allow_origin=("https://dash.example",))
    with serving(create_app(service, Security.from_config(config))) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8081",
        "LocalHost",
        "localhost.",
        "127.0.0.1",
        "127.0.0.1:8081",
        "192.168.1.20:1234",
        "8.8.8.8",
        "[::1]",
        "[::1]:8081",
        "[FE80::1]",
        "camera.example",
        "Camera.Example:99",
        socket.gethostname(),
        f"{socket.gethostname().partition('.')[0]}.local:8081",
    ],
)
def test_hosts_that_mean_this_machine_are_answered(listed: Client, host: str) -> None:
    """Any IP address, localhost, the machine's own names and those listed."""
    assert listed.ask("GET", "/health", Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8081",
        "camera.example.evil.example",
        "sub.camera.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io",
        "other.local",
        "localhost:8081:8081",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost, evil.example",
        "[::1",
        "[localhost]",
        "::1",
        "2130706433",
        "0x7f.1",
        "local host",
        "localhost/",
        "\u00fcber.example",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", "/start")])
def test_other_hosts_are_421(
    listed: Client, service: FakeService, method: str, path: str, host: str
) -> None:
    """A name that an attacker may have pointed here gets no answer, whatever is asked."""
    answer = listed.ask(method, path, Host=host)
    assert (answer.status, answer.error) == (421, "misdirected_request")
    assert service.calls == []


def test_two_hosts_are_421(listed: Client, service: FakeService) -> None:
    """Two Host headers cannot both be right."""
    answer = listed.raw(
        b"POST /start HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert answer.status == 421
    assert service.calls == []


@pytest.mark.parametrize("header", [b"", b"Host:\r\n"])
def test_no_host_is_400(listed: Client, header: bytes) -> None:
    """RFC 9112 section 3.2: a request without Host is malformed."""
    answer = listed.raw(b"GET /health HTTP/1.1\r\nConnection: close\r\n" + header + b"\r\n")
    assert (answer.status, answer.error) == (400, "bad_request")


ALLOWED_ORIGINS = [
    ("localhost:8081", "http://localhost:8080"),
    ("localhost:8081", "http://localhost"),
    ("localhost:8081", "https://localhost:3000"),
    ("192.168.1.20:8081", "http://192.168.1.20:8080"),
    ("[::1]:8081", "http://[::1]:8080"),
    ("[::1]:8081", "http://[0:0:0:0:0:0:0:1]:8080"),
    ("camera.example", "http://Camera.Example"),
    ("localhost:8081", "https://dash.example"),
    ("localhost:8081", "https://dash.example:443"),
]

REFUSED_ORIGINS = [
    ("localhost:8081", "http://evil.example"),
    ("localhost:8081", "null"),
    ("localhost:8081", ""),
    ("localhost:8081", "http://127.0.0.1:8081"),
    ("127.0.0.1:8081", "http://localhost:8081"),
    ("localhost:8081", "http://localhost.evil.example"),
    ("localhost:8081", "http://evil.example/localhost"),
    ("localhost:8081", "http://localhost@evil.example"),
    ("localhost:8081", "http://evil.example#localhost"),
    ("localhost:8081", "file://localhost"),
    ("localhost:8081", "chrome-extension://localhost"),
    ("localhost:8081", "http://dash.example"),
    ("localhost:8081", "https://dash.example:8443"),
    ("localhost:8081", "https://dash.example.evil.example"),
    ("localhost:8081", "http://[::1"),
    ("localhost:8081", "http://localhost:99999"),
    ("localhost:8081", "http://localhost, http://evil.example"),
    ("localhost:8081", "*"),
]

CHANGES = [
    ("POST", "/start"),
    ("POST", "/stop"),
    ("POST", "/offer"),
    ("POST", "/whep"),
    ("PATCH", "/whep/x"),
    ("DELETE", "/whep/x"),
]


@pytest.mark.parametrize(("host", "origin"), ALLOWED_ORIGINS)
def test_pages_of_this_machine_and_listed_ones_may_call(
    listed: Client, service: FakeService, host: str, origin: str
) -> None:
    """The same host on any port, and what -allow-origin names; CORS says so."""
    answer = listed.ask("POST", "/start", Host=host, Origin=origin)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert len(service.calls) == 1


@pytest.mark.parametrize(("host", "origin"), REFUSED_ORIGINS)
def test_pages_from_elsewhere_may_not(
    listed: Client, service: FakeService, host: str, origin: str
) -> None:
    """403 without any side effect, and without CORS."""
    answer = listed.ask("POST", "/start", Host=host, Origin=origin)
    assert (answer.status, answer.error) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert service.calls == []


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_every_change_checks_the_origin(
    listed: Client, service: FakeService, method: str, path: str
) -> None:
    """Before type or body are looked at."""
    assert listed.ask(method, path, Origin="http://evil.example").status == 403
    assert service.calls == []


@pytest.mark.parametrize(("host", "origin"), REFUSED_ORIGINS)
def test_reading_from_elsewhere_is_not_shared(listed: Client, host: str, origin: str) -> None:
    """A GET is answered, but the browser keeps the answer from the page."""
    answer = listed.ask("GET", "/status", Host=host, Origin=origin)
    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", [None, "http://localhost", "http://evil.example"])
def test_caches_keep_origins_apart(listed: Client, origin: str | None) -> None:
    """Vary names Origin whatever came."""
    headers = {} if origin is None else {"Origin": origin}
    assert "Origin" in listed.ask("GET", "/status", **headers).headers["Vary"]


def test_a_preflight_of_a_listed_page_is_answered(listed: Client, service: FakeService) -> None:
    """It names the methods and headers that calls need."""
    answer = listed.ask(
        "OPTIONS",
        "/whep/x",
        Origin="https://dash.example",
        Access_Control_Request_Method="PATCH",
        Access_Control_Request_Headers="content-type",
    )
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://dash.example"
    assert {"POST", "PATCH", "DELETE"} <= set(
        answer.headers["Access-Control-Allow-Methods"].split(", ")
    )
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
    assert service.calls == []


def test_a_preflight_from_elsewhere_is_403(listed: Client) -> None:
    """The browser then never sends the request."""
    answer = listed.ask(
        "OPTIONS", "/start", Origin="http://evil.example", Access_Control_Request_Method="POST"
    )
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_errors_are_shared_with_listed_pages(listed: Client) -> None:
    """A page that may call may also read why a call failed."""
    answer = listed.ask("POST", "/offer", "x", Origin="https://dash.example")
    assert answer.status == 415
    assert answer.headers["Access-Control-Allow-Origin"] == "https://dash.example"


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"bearer  {TOKEN}",
        "Basic " + base64.b64encode(f"any:{TOKEN}".encode()).decode(),
    ],
)
def test_the_token_opens(guarded: Client, authorization: str) -> None:
    """As a bearer token, or as the password of whatever user."""
    assert guarded.ask("POST", "/start", Authorization=authorization).status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        f"Digest {TOKEN}",
        f"Basic {TOKEN}",
        "Basic !!!!",
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Bearer \u00e9\u00e9",
    ],
)
@pytest.mark.parametrize("path", ["/start", "/offer"])
def test_no_or_a_wrong_token_is_401(
    guarded: Client, service: FakeService, path: str, authorization: str | None
) -> None:
    """With a challenge, and nothing done."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = guarded.ask("POST", path, **headers)
    assert (answer.status, answer.error) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert service.calls == []


@pytest.mark.parametrize("path", ["/health", "/status", "/nothing"])
def test_reading_needs_the_token_too(guarded: Client, path: str) -> None:
    """Whoever may not call does not learn what is there either."""
    assert guarded.ask("GET", path).status == 401


def test_a_preflight_needs_no_token(guarded: Client) -> None:
    """Browsers send none with it (Fetch, section 3.2)."""
    answer = guarded.ask(
        "OPTIONS", "/start", Origin="https://dash.example", Access_Control_Request_Method="POST"
    )
    assert answer.status == 204


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"two words of sixteen", b"\xff" * 20])
def test_a_token_file_without_a_token_is_a_config_error(tmp_path: Path, content: bytes) -> None:
    """One line that names the file."""
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="auth-token-file") as raised:
        read_token(path)
    assert str(path) in str(raised.value)


def test_a_missing_token_file_is_a_config_error(tmp_path: Path) -> None:
    """The system's own words for it."""
    with pytest.raises(ConfigError, match="No such file or directory"):
        read_token(tmp_path / "nothing")


def test_every_answer_has_the_security_headers(listed: Client) -> None:
    """Errors as well as successes."""
    for path in ("/health", "/nothing"):
        headers = listed.ask("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["metrics", "monitor"])
def test_the_other_ports_have_the_same_rules(kind: str) -> None:
    """Host and Origin are checked on every port."""
    security = Security.from_config(Config())
    if kind == "metrics":
        app = create_metrics_app(CollectorRegistry(), security)
    else:
        config = MonitorConfig()
        backend = Backend(config, None, on_fatal=lambda *_: None)
        app = create_monitor_app(config, monitor_security(config), backend)
    with serving(app) as client:
        assert client.ask("GET", "/").status == 200
        assert client.ask("GET", "/", Host="evil.example").status == 421
        assert client.ask("POST", "/", Origin="http://evil.example").status == 403


def test_the_machine_goes_by_its_names() -> None:
    """Localhost is always one of them."""
    assert "localhost" in machine_names()


@given(st.text(max_size=60))
def test_any_host_is_one_name_or_none(value: str) -> None:
    """What comes out has no port, no bracket and no capital, and stays as it is."""
    host = canonical_host(value)
    if host is not None:
        assert not set(host) & set("[]@/ ,")
        assert host == host.lower()
        assert ":" not in host or canonical_host(f"[{host}]:80") == host
