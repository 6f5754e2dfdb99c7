"""Responses that go on without a worker thread."""

import queue
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask, Response, request

from petstream.web import channel as channel_module
from petstream.web.detached import ClientGoneError, DetachedResponse, detach
from tests.web.client import Client, read_answer
from tests.web.conftest import serving

PIECE = b"x" * 65536


class Application:
    """Detaches /open and /sized, and answers /ping."""

    def __init__(self) -> None:
        self.responses: queue.Queue[DetachedResponse] = queue.Queue()
        self.app = Flask("detaching")
        self.app.add_url_rule("/open", view_func=self._open, endpoint="open")
        self.app.add_url_rule("/sized", view_func=self._sized, endpoint="sized")
        self.app.add_url_rule("/ping", view_func=lambda: "pong", endpoint="ping")

    def next(self) -> DetachedResponse:
        """The next response that a request has detached."""
        return self.responses.get(timeout=20)

    def _open(self) -> Response:
        detach(request, self.responses.put)
        return Response(iter(()), mimetype="text/plain")

    def _sized(self) -> Response:
        detach(request, self.responses.put, 5)
        return Response(iter(()), mimetype="text/plain")


@pytest.fixture
def application() -> Application:
    """What is served."""
    return Application()


@pytest.fixture
def client(application: Application) -> Iterator[Client]:
    """A client of it; there is one worker thread."""
    with serving(application.app, threads=1) as client:
        yield client


def get(client: Client, path: str) -> socket.socket:
    """A connection on which a request has been sent."""
    sock = client.connect()
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return sock


def write_much(response: DetachedResponse) -> None:
    """More than any socket takes from a client that does not read."""
    for _ in range(1000):
        response.wait_for_room(len(PIECE))
        response.write(PIECE)


@pytest.mark.parametrize(("path", "header"), [("/open", "Transfer-Encoding"), ("/sized", "")])
def test_the_body_comes_from_elsewhere(
    client: Client, application: Application, path: str, header: str
) -> None:
    """Status and headers first, then what is written, then the end."""
    with get(client, path) as sock:
        response = application.next()
        response.write(b"he")
        response.write(b"llo")
        response.end()
        answer = read_answer(sock)
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["Connection"] == "close"
    if header:
        assert answer.headers[header] == "chunked"
    else:
        assert answer.headers["Content-Length"] == "5"


def test_they_hold_no_worker(client: Client, application: Application) -> None:
    """One worker answers while fifty responses are open."""
    socks = [get(client, "/open") for _ in range(50)]
    responses = [application.next() for _ in socks]
    assert client.ask("GET", "/ping").body == b"pong"
    for response in responses:
        response.end()
    for sock in socks:
        assert read_answer(sock).body == b""
        sock.close()


def test_a_client_that_goes_is_noticed(client: Client, application: Application) -> None:
    """At once, and writing says so."""
    get(client, "/open").close()
    response = application.next()
    deadline = time.monotonic() + 20
    while response.is_open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not response.is_open
    with pytest.raises(ClientGoneError):
        response.write(b"x")
    with pytest.raises(ClientGoneError):
        response.wait_for_room(0)
    response.end()  # nobody is there to be told


def test_a_slow_client_is_waited_for(client: Client, application: Application) -> None:
    """What is pending stays bounded, and all of it arrives."""
    pieces, most = 200, 0

    def write() -> None:
        nonlocal most
        for _ in range(pieces):
            response.wait_for_room(2 * len(PIECE))
            response.write(PIECE)
            most = max(most, response.pending_bytes)
        response.end()

    with get(client, "/open") as sock:
        response = application.next()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()  # the client has taken nothing, and 13 MB fit no socket
        assert read_answer(sock).body == pieces * PIECE
        writer.join(5)
    assert most < 4 * len(PIECE)


def test_what_follows_on_the_connection_is_ignored(
    client: Client, application: Application
) -> None:
    """A second request cannot be answered, for the first answer has not ended."""
    with get(client, "/open") as sock:
        response = application.next()
        sock.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response.write(b"all")
        time.sleep(0.1)
        response.end()
        assert read_answer(sock).body == b"all"


def test_an_aborted_body_is_seen_to_be_cut(client: Client, application: Application) -> None:
    """The connection closes before what Content-Length promised."""
    with get(client, "/sized") as sock:
        response = application.next()
        response.write(b"he")
        response.abort()
        received = b""
        while data := sock.recv(4096):
            received += data
    assert b"Content-Length: 5" in received
    assert not received.endswith(b"hello")


def test_a_connection_on_which_nothing_moves_is_closed(
    client: Client, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a stalled client holds no thread that writes for ever."""
    monkeypatch.setattr(channel_module, "STALL_S", 0.5)
    with get(client, "/open"):
        response = application.next()
        with pytest.raises(ClientGoneError):
            write_much(response)


def test_closing_the_server_ends_them(application: Application) -> None:
    """The client sees the end of the connection."""
    with serving(application.app) as client:
        sock = get(client, "/open")
        application.next()
    with sock:
        while sock.recv(4096):
            pass
