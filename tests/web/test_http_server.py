"""The server itself: limits, raw requests, slow clients, start and close."""

import errno
import resource
import socket
import threading
import time
from contextlib import suppress

import pytest

from petstream.errors import ConfigError
from petstream.web import channel as channel_module
from petstream.web.app import MAX_BODY_BYTES, create_app
from petstream.web.http_server import HttpServer
from petstream.web.sockets import has_ipv6
from tests.web.client import TIMEOUT_S, Client, read_answer
from tests.web.conftest import RULES, serving
from tests.web.fake_service import FakeService

POST = b"POST /offer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


def test_a_body_of_128_kib_is_read(client: Client, service: FakeService) -> None:
    """The limit itself is within the limit."""
    body = b'{"type":"offer","sdp":"%s"}'
    padded = body % (b"x" * (MAX_BODY_BYTES - len(body) + 2))
    assert len(padded) == MAX_BODY_BYTES
    answer = client.ask("POST", "/offer", padded, Content_Type="application/json")
    assert answer.status == 200
    assert len(service.calls) == 1


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 4 * 1024 * 1024])
def test_a_larger_body_is_413(client: Client, service: FakeService, size: int) -> None:
    """Also a client that sends everything before it reads gets the answer, not a reset."""
    answer = client.ask("POST", "/offer", b"x" * size, Content_Type="application/json")
    assert (answer.status, answer.error) == (413, "body_too_large")
    assert service.calls == []


def test_an_announced_gibibyte_is_413_at_once(client: Client) -> None:
    """The announcement is enough."""
    answer = client.raw(POST + b"Content-Length: 1073741824\r\n\r\n")
    assert (answer.status, answer.error) == (413, "body_too_large")


def test_a_chunked_body_over_the_limit_is_413(client: Client, service: FakeService) -> None:
    """A body without a length is counted as it comes."""
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = client.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 12)
    assert (answer.status, answer.error) == (413, "body_too_large")
    assert service.calls == []


def test_a_chunked_body_is_read(client: Client) -> None:
    """Chunks within the limit are a body like any other."""
    answer = client.raw(
        POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        b'10\r\n{"type":"offer",\r\n',
        b'd\r\n"sdp": "v=0"}\r\n0\r\n\r\n',
    )
    assert answer.status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: -5\r\n\r\n",
        POST + b"Content-Length: 5, 6\r\n\r\nhello",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST + b"Content-Length: 0x5\r\n\r\nhello",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        b"GET /health\x00 HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
    ],
)
def test_malformed_http_is_400(client: Client, request_bytes: bytes) -> None:
    """What is no HTTP is refused as JSON, and the connection closed."""
    answer = client.raw(request_bytes)
    assert (answer.status, answer.error) == (400, "bad_request")
    assert answer.headers["Connection"] == "close"


def test_an_unknown_transfer_coding_is_501(client: Client) -> None:
    """Only chunked is known."""
    answer = client.raw(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n")
    assert (answer.status, answer.error) == (501, "not_implemented")


def test_headers_over_16_kib_are_431(client: Client) -> None:
    """A header that never ends is cut off."""
    answer = client.raw(GET, *[b"X-Filler: " + b"x" * 1000 + b"\r\n"] * 17, b"\r\n")
    assert (answer.status, answer.error) == (431, "headers_too_large")


def test_a_body_that_stays_away_is_given_up(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A length that lies holds a connection only until the deadline, and no worker at all."""
    monkeypatch.setattr(channel_module, "REQUEST_DEADLINE_S", 0.5)
    with serving(create_app(service, RULES)) as client, client.connect() as sock:
        sock.sendall(POST + b"Content-Length: 100\r\n\r\nonly this")
        assert client.ask("GET", "/health").status == 200
        assert sock.recv(1) == b""
    assert service.calls == []


def test_a_request_that_trickles_is_given_up(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then does not keep a connection open for ever."""
    monkeypatch.setattr(channel_module, "REQUEST_DEADLINE_S", 0.5)
    with serving(create_app(service, RULES)) as client, client.connect() as sock:
        deadline = time.monotonic() + TIMEOUT_S
        sock.settimeout(0.05)
        ended = False
        while not ended and time.monotonic() < deadline:
            try:
                sock.sendall(b"G")
                ended = sock.recv(1) == b""
            except TimeoutError:
                continue
            except OSError as error:
                ended = error.errno in {errno.EPIPE, errno.ECONNRESET}
        assert ended


def test_trickling_clients_do_not_keep_others_out(client: Client) -> None:
    """Two hundred connections with half a request each, and health still answers."""
    slow = [client.connect() for _ in range(200)]
    try:
        for sock in slow:
            sock.sendall(b"POST /offer HTTP/1.1\r\nHost: loc")
        assert client.ask("GET", "/health").status == 200
    finally:
        for sock in slow:
            sock.close()


def test_descriptors_over_1024_are_served(service: FakeService) -> None:
    """poll() has no limit where select() dies."""
    with serving(create_app(service, RULES)) as client:
        held: list[socket.socket] = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
        try:
            while not held or held[-1].fileno() < 1030:
                held.append(socket.socket())
            assert client.ask("GET", "/health").status == 200
        finally:
            for sock in held:
                sock.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_urgent_data_closes_the_connection(client: Client) -> None:
    """TCP urgent data means nothing in HTTP, and must not make the server spin."""
    with client.connect() as sock:
        sock.send(b"!", socket.MSG_OOB)
        with suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert client.ask("GET", "/health").status == 200


def test_two_requests_on_one_connection(client: Client) -> None:
    """Connections are kept, and an error of the application does not end one."""
    with client.connect() as sock:
        sock.sendall(GET.replace(b"/health", b"/nothing") + b"\r\n")
        assert read_answer(sock).status == 404
        sock.sendall(GET + b"\r\n")
        assert read_answer(sock).status == 200


def test_the_server_does_not_name_its_version(client: Client) -> None:
    """Server says petstream and nothing else."""
    assert client.ask("GET", "/health").headers["Server"] == "petstream"


def test_a_port_in_use_is_one_line() -> None:
    """The message names the port and what it is for."""
    first = HttpServer(None, "127.0.0.1", 0, "first")
    try:
        with pytest.raises(ConfigError, match=rf"^port {first.port} is in use: .* for second$"):
            HttpServer(None, "127.0.0.1", first.port, "second")
        with pytest.raises(ConfigError, match="is in use"):
            HttpServer(None, "", first.port, "all interfaces")
    finally:
        first.close()


def test_an_address_of_another_machine_is_one_line() -> None:
    """192.0.2.1 is for documentation and belongs to nobody (RFC 5737)."""
    with pytest.raises(ConfigError, match=r"^192\.0\.2\.1 is no address of this machine"):
        HttpServer(None, "192.0.2.1", 0, "test")


def test_an_unknown_host_is_one_line() -> None:
    """A name that cannot be resolved is said to be so."""
    with pytest.raises(ConfigError, match=r"^cannot listen on host\.invalid:0 for test"):
        HttpServer(None, "host.invalid", 0, "test")


def test_all_interfaces_means_both_families(service: FakeService) -> None:
    """An empty host answers on IPv4, and on IPv6 where there is any."""
    server = HttpServer(create_app(service, RULES), "", 0, "test")
    server.start()
    try:
        assert Client(server.port).ask("GET", "/health").status == 200
        if has_ipv6():
            with socket.create_connection(("::1", server.port), TIMEOUT_S) as sock:
                sock.sendall(GET.replace(b"localhost", b"[::1]") + b"\r\n")
                assert read_answer(sock).status == 200
    finally:
        assert server.close()


def test_close_lets_a_request_finish(service: FakeService) -> None:
    """Who has asked still gets the answer."""
    entered, leave = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        leave.wait(TIMEOUT_S)

    service.before = wait
    server = HttpServer(create_app(service, RULES), "127.0.0.1", 0, "test")
    server.start()
    with Client(server.port).connect() as sock:
        sock.sendall(GET + b"\r\n")
        assert entered.wait(TIMEOUT_S)
        threading.Timer(0.2, leave.set).start()
        assert server.close(TIMEOUT_S)
        assert read_answer(sock).status == 200


def test_close_does_not_wait_for_ever(service: FakeService) -> None:
    """A request that hangs is left behind, and said to be."""
    entered, leave = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        leave.wait(3 * TIMEOUT_S)

    service.before = wait
    server = HttpServer(create_app(service, RULES), "127.0.0.1", 0, "test")
    server.start()
    with Client(server.port).connect() as sock:
        sock.sendall(GET + b"\r\n")
        assert entered.wait(TIMEOUT_S)
        assert not server.close(0.2)
    leave.set()
    assert server.close(TIMEOUT_S)


def test_close_frees_the_port_at_once(service: FakeService) -> None:
    """The next server can have it."""
    app = create_app(service, RULES)
    server = HttpServer(app, "127.0.0.1", 0, "test")
    server.start()
    with Client(server.port).connect():
        assert server.close()
    again = HttpServer(app, "127.0.0.1", server.port, "test")
    assert again.close()


def test_close_twice_is_once(service: FakeService) -> None:
    """The second time there is nothing left to do."""
    server = HttpServer(create_app(service, RULES), "127.0.0.1", 0, "test")
    server.start()
    assert server.close()
    assert server.close()


def test_a_fault_of_the_server_thread_is_reported(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread does not die in silence."""
    faults: list[BaseException] = []
    told = threading.Event()

    def on_fault(error: BaseException) -> None:
        faults.append(error)
        told.set()

    server = HttpServer(create_app(service, RULES), "127.0.0.1", 0, "test", on_fault=on_fault)

    def fail(*_: object) -> None:
        raise RuntimeError("poll is broken")

    monkeypatch.setattr("waitress.wasyncore.poll2", fail)
    server.start()
    assert told.wait(TIMEOUT_S)
    assert [str(fault) for fault in faults] == ["poll is broken"]
    assert server.close()


def test_threads_carry_the_name_of_the_server(client: Client) -> None:
    """So that a stack dump can be read."""
    assert client.ask("GET", "/health").status == 200
    names = {thread.name for thread in threading.enumerate()}
    assert {"test", *(f"test-{number}" for number in range(8))} <= names
