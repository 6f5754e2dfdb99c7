"""Recordings through the monitor: forwarded, streamed, and never all of it at once."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from petstream.web.monitor import transfers as transfers_module
from tests.web.client import Client, read_answer
from tests.web.monitoring import monitoring

PIECE = bytes(range(256)) * 256
LARGE_PIECES = 800  # 52 MB: more than sockets and buffers hold


class Recordings(http.server.BaseHTTPRequestHandler):
    """A server with recordings, as far as the monitor can see of it."""

    asked: ClassVar[list[tuple[str, str, bytes]]]
    headers_seen: ClassVar[list[dict[str, str]]]
    sent: ClassVar[dict[int, int]]  # bytes, by the client's port

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, body))
        self.headers_seen.append({name.lower(): value for name, value in self.headers.items()})
        if self.path.startswith("/recordings/large"):
            self._send(200, None, length=LARGE_PIECES * len(PIECE))
        elif self.path.startswith("/recordings/cut"):
            self._send(200, b"half", length=8)
        elif self.headers.get("Range") == "bytes=2-4":
            self._send(206, b"234", {"Content-Range": "bytes 2-4/10", "ETag": '"e"'})
        elif self.headers.get("If-None-Match") == '"e"':
            self._send(304, b"", {"ETag": '"e"'})
        elif "open" in self.path:
            self._send(409, b'{"error": "conflict", "message": "it is open"}')
        else:
            self._send(200, b"0123456789", {"Content-Disposition": "attachment"})

    do_GET = do_HEAD = do_POST = do_DELETE = _answer

    def _send(
        self,
        status: int,
        body: bytes | None,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "video/mp4"}.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body or b"") if length is None else length))
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            for piece in [PIECE] * LARGE_PIECES if body is None else [body]:
                self.wfile.write(piece)
                port = self.client_address[1]
                self.sent[port] = self.sent.get(port, 0) + len(piece)
        except OSError:  # the monitor has had enough
            return


@pytest.fixture
def server() -> Iterator[type[Recordings]]:
    """The server's class, which keeps what it was asked; its port is ``port``."""
    handler = type("Handler", (Recordings,), {"asked": [], "headers_seen": [], "sent": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        handler.port = running.server_port  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield handler
        running.shutdown()
        thread.join()


@pytest.fixture
def monitor(server: type[Recordings]) -> Iterator[Client]:
    """A monitor for it."""
    with monitoring(server.port) as monitor:  # type: ignore[attr-defined]
        yield monitor


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", "/api/recordings", "/recordings"),
        ("GET", "/api/recordings/a%20b.mp4", "/recordings/a%20b.mp4"),
        ("GET", "/api/recordings/a.h264?format=mp4", "/recordings/a.h264?format=mp4"),
        ("GET", "/api/recordings/a.mp4?download=1", "/recordings/a.mp4?download=1"),
        ("HEAD", "/api/recordings/a.mp4", "/recordings/a.mp4"),
        ("GET", "/api/recordings/a.mp4/thumbnail.jpg", "/recordings/a.mp4/thumbnail.jpg"),
        ("GET", "/api/snapshot.jpg", "/snapshot.jpg"),
        ("DELETE", "/api/recordings/a.mp4", "/recordings/a.mp4"),
        ("POST", "/api/recordings/a.mp4/protect", "/recordings/a.mp4/protect"),
    ],
)
def test_calls_are_handed_on(
    monitor: Client, server: type[Recordings], method: str, path: str, asked: str
) -> None:
    """Path, query, body, type and disposition go through."""
    body: dict[str, object] | None = {"protected": True} if method == "POST" else None
    answer = monitor.ask(method, path, body)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Content-Length"] == "10"
    assert answer.body == (b"" if method == "HEAD" else b"0123456789")
    assert server.asked == [(method, asked, b'{"protected": true}' if body else b"")]


def test_ranges_and_validators_go_through(monitor: Client, server: type[Recordings]) -> None:
    """206 with its range, 304 without a body: what seeking and caches need."""
    part = monitor.ask("GET", "/api/recordings/a.mp4", Range="bytes=2-4", If_Range='"e"')
    assert (part.status, part.body) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert part.headers["ETag"] == '"e"'
    assert server.headers_seen[0]["if-range"] == '"e"'
    same = monitor.ask("GET", "/api/recordings/a.mp4", If_None_Match='"e"')
    assert (same.status, same.body) == (304, b"")


def test_refusals_go_through(monitor: Client) -> None:
    """A recording that is open is not deleted, and the page is told so."""
    answer = monitor.ask("DELETE", "/api/recordings/open.mp4")
    assert (answer.status, answer.json["message"]) == (409, "it is open")


def test_names_stay_names(monitor: Client, server: type[Recordings]) -> None:
    """A slash in a name leads nowhere else."""
    assert monitor.ask("GET", "/api/recordings/..%2f..%2fhealth").status == 404
    monitor.ask("GET", "/api/recordings/%2e%2e")
    assert all(path.startswith("/recordings/") for _, path, _ in server.asked)


def test_a_large_recording_is_taken_as_the_browser_takes_it(
    monitor: Client, server: type[Recordings]
) -> None:
    """Slow readers of 52 MB each hold no worker and little of it, and one gets every byte."""
    slow = []
    for _ in range(20):
        sock = monitor.connect()
        sock.sendall(b"GET /api/recordings/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.append(sock)
    assert all(sock.recv(1, socket.MSG_PEEK) for sock in slow)
    assert monitor.ask("GET", "/").status == 200
    time.sleep(0.5)
    assert max(server.sent.values()) < LARGE_PIECES * len(PIECE)
    assert read_answer(slow[0]).body == PIECE * LARGE_PIECES
    for sock in slow:
        sock.close()


def test_a_recording_that_breaks_off_is_seen_to_be_cut(monitor: Client) -> None:
    """Not a short file that looks whole."""
    with monitor.connect() as sock:
        sock.sendall(b"GET /api/recordings/cut HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while data := sock.recv(4096):
            received += data
    assert b"Content-Length: 8" in received
    assert received.endswith(b"half")


def test_transfers_are_bounded(monitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told to come back."""
    monkeypatch.setattr(transfers_module, "TRANSFERS_MAX", 1)
    with monitor.connect() as sock:
        sock.sendall(b"GET /api/recordings/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100)
        answer = monitor.ask("GET", "/api/recordings/large")
        assert (answer.status, answer.error) == (503, "unavailable")
        assert monitor.ask("GET", "/api/recordings").status == 200


def test_closing_the_monitor_ends_transfers(server: type[Recordings]) -> None:
    """At once, though a browser has not taken all of it."""
    with monitoring(server.port) as monitor:  # type: ignore[attr-defined]
        sock = monitor.connect()
        sock.sendall(b"GET /api/recordings/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100)
    sock.close()
