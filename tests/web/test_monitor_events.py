"""The monitor's event streams."""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask import Flask, Response, request

from petstream.shm.detections import Detection
from petstream.web.app import create_app
from petstream.web.detached import detach
from petstream.web.monitor import events as events_module
from petstream.web.monitor.events import EventStream
from simulator import DetectionsWriter
from tests.web.client import Client
from tests.web.conftest import RULES, serving
from tests.web.fake_service import STATUS, FakeService
from tests.web.monitoring import monitoring


class Listener:
    """What an EventSource gets: fields of one event after the other, comments as ``:``."""

    def __init__(self, sock: socket.socket) -> None:
        self._lines = sock.makefile("rb")
        self.head = self._until_blank()

    def next(self) -> dict[str, str]:
        """The next event, a comment, or the retry time; chunk sizes are no part of it."""
        fields = {}
        for line in self._until_blank():
            name, _, value = line.partition(":")
            if value:
                fields[name or ":"] = value.strip()
        return fields or self.next()

    def text(self) -> str:
        """The data of the next event that has any."""
        while "data" not in (fields := self.next()):
            pass
        return fields["data"]

    def data(self) -> dict[str, Any]:
        """The same as JSON."""
        return dict(json.loads(self.text()))

    def close(self) -> None:
        """Let go."""
        self._lines.close()

    def _until_blank(self) -> list[str]:
        lines = []
        while line := self._lines.readline():
            if not line.strip():
                break
            lines.append(line.decode().strip())
        return lines


@contextmanager
def listening(monitor: Client, path: str) -> Iterator[Listener]:
    """A listener to a stream."""
    with monitor.connect() as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        listener = Listener(sock)
        yield listener
        listener.close()


@pytest.fixture
def monitor(service: FakeService, segment_name: str) -> Iterator[Client]:
    """A monitor whose detections are in a segment of the test's."""
    with (
        serving(create_app(service, RULES)) as server,
        monitoring(server.port, detections=segment_name) as monitor,
    ):
        yield monitor


def box(x: int) -> Detection:
    """A detection at a place."""
    return Detection("cat", 0.75, x, 2, 3, 4)


def test_each_change_of_the_detections_is_an_event(monitor: Client, segment_name: str) -> None:
    """With an id, the frame number, the capture time and the boxes; the stream tells its retry."""
    with DetectionsWriter(segment_name) as writer:
        with listening(monitor, "/api/detections/stream") as listener:
            assert listener.head[0].endswith("200 OK")
            assert "Content-Type: text/event-stream; charset=utf-8" in listener.head
            assert "Cache-Control: no-store" in listener.head
            assert listener.next() == {"retry": "1000"}
            ids = []
            for number in range(1, 4):
                writer.write([box(number)], frame_number=number, capture_ns=number * 10**9)
                fields = listener.next()
                ids.append(fields["id"])
                assert json.loads(fields["data"]) == {
                    "frame_number": number,
                    "capture_ns": number * 10**9,
                    "version": number,
                    "detections": [
                        {
                            "class_name": "cat",
                            "confidence": 0.75,
                            "x": number,
                            "y": 2,
                            "w": 3,
                            "h": 4,
                        }
                    ],
                }
            assert len(set(ids)) == 3
        with listening(monitor, "/api/detections/stream") as late:
            assert late.data()["frame_number"] == 3  # how things are, to whoever comes now


def test_a_quiet_stream_has_a_heartbeat(monitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that proxies and phones do not take it for dead."""
    monkeypatch.setattr(events_module, "HEARTBEAT_S", 0.1)
    with listening(monitor, "/api/detections/stream") as listener:
        assert [*listener.next(), *listener.next(), *listener.next()].count(":") >= 2


def test_the_status_stream_tells_of_changes(monitor: Client, service: FakeService) -> None:
    """Health and recorder in one, and again when something is different."""
    with listening(monitor, "/api/status/stream") as listener:
        assert listener.data() == {**service.report, "recorder": STATUS}
        service.report = {**service.report, "webrtc_clients": 5}
        assert listener.data()["webrtc_clients"] == 5


def test_a_server_that_is_away_is_an_event() -> None:
    """The stream goes on, and says when the server is back."""
    service = FakeService()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with (
            monitoring(closed.getsockname()[1]) as monitor,
            listening(monitor, "/api/status/stream") as listener,
        ):
            status = listener.data()
            assert status["status"] == "away"
            assert "cannot be reached" in status["reasons"][0]
            closed.listen()
            threading.Thread(target=answer_some, args=(closed, service, 2)).start()
            assert listener.data()["status"] == "ok"


def answer_some(server: socket.socket, service: FakeService, count: int) -> None:
    """Answer some requests as /health and /status would."""
    for _ in range(count):
        connection, _ = server.accept()
        with connection:
            asked = connection.recv(65536)
            body = json.dumps(service.report if b"/health" in asked else STATUS).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + body)


def test_a_hundred_listeners_need_no_thread(monitor: Client, segment_name: str) -> None:
    """There are as many threads as with one, the page answers, and each hears the event."""
    with ExitStack() as stack, DetectionsWriter(segment_name) as writer:
        listeners = [
            stack.enter_context(listening(monitor, "/api/detections/stream")) for _ in range(100)
        ]
        for listener in listeners:
            assert listener.next() == {"retry": "1000"}
        names = [thread.name for thread in threading.enumerate()]
        assert sum(name.startswith("monitor") for name in names) == 16 + 1 + 2
        assert monitor.ask("GET", "/").status == 200
        writer.write([box(1)], frame_number=1, capture_ns=1)
        for listener in listeners:
            assert listener.data()["frame_number"] == 1


def test_a_listener_that_does_not_read_is_let_go() -> None:
    """It is disconnected once too much waits for it; others hear everything."""
    numbers = itertools.count(1)
    stream = EventStream(
        "events", lambda: f"{next(numbers)} {'x' * 50_000}", 0.001, lambda *_: None
    )
    app = Flask("streaming")

    @app.get("/")
    def events() -> Response:
        detach(request, stream.add)
        return Response(iter(()), mimetype="text/event-stream")

    stream.start()
    try:
        with serving(app) as client, listening(client, "/") as good, client.connect() as bad:
            bad.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            heard = [int(good.text().partition(" ")[0])]
            while stream.listeners < 2:
                heard.append(int(good.text().partition(" ")[0]))
            while stream.listeners == 2:
                heard.append(int(good.text().partition(" ")[0]))
            assert heard == list(range(heard[0], heard[0] + len(heard)))
            assert stream.close(5.0)
    finally:
        stream.close(5.0)


@pytest.mark.parametrize("path", ["/api/detections/stream", "/api/status/stream"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Authorization": "Bearer wrong"}, 200)],
)
def test_a_stream_has_the_rules_of_all_calls(
    monitor: Client, path: str, headers: dict[str, str], status: int
) -> None:
    """Host is checked before anything is sent; HEAD ends."""
    assert monitor.ask("HEAD", path, **headers).status == status


def test_closing_the_monitor_ends_the_streams(service: FakeService) -> None:
    """Whoever listens sees the end."""
    with serving(create_app(service, RULES)) as server:
        with monitoring(server.port) as monitor:
            sock = monitor.connect()
            sock.sendall(b"GET /api/status/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(65536)
        with sock:
            until_end(sock.recv)


def until_end(receive: Callable[[int], bytes]) -> None:
    """Read to the end."""
    while receive(65536):
        pass
