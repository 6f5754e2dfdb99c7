"""D6 and D7: bodies that were made to hurt, and clients that take their time."""

import json
import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from tests.scale import scaled, within
from tests.server_process import ServerProcess

HEAD = "POST /offer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
KIB = 1024
LIMIT = 128 * KIB
TAKEN = 64 * 2**20  # more than the kernel keeps for both sides of a connection

BODIES = {
    "arrays 200,000 deep": b"[" * 200_000,
    "arrays 130,000 deep": b"[" * 130_000,
    "objects 25,000 deep": b'{"a":' * 25_000,
    "an integer of 130,000 digits": b'{"type":"offer","sdp":' + b"9" * 130_000 + b"}",
    "an SDP that is an integer": b'{"type":"offer","sdp":1e308}',
    "an array": b"[]",
    "a text": b'"x"',
    "bad UTF-8": b'{"type":"offer","sdp":"\xff"}',
    "nothing": b"",
    "a lone surrogate": b'{"type":"offer","sdp":"\\ud800"}',
}


@pytest.fixture
def server(segment_name: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server without a camera."""
    with ServerProcess(segment_name, tmp_path / "recordings") as server:
        yield server


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may have as many files open as the system lets it."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def connect(server: ServerProcess) -> socket.socket:
    """A connection on which nothing has been sent."""
    host, _, port = server.urls["http"].removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), 10)


def status_of(sock: socket.socket) -> int:
    """The status of the answer that comes."""
    line = sock.makefile("rb").readline()
    return int(line.split()[1])


def resident_bytes(server: ServerProcess) -> int:
    """Memory of the server's process."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * KIB


def health_s(server: ServerProcess) -> float:
    """How long /health takes."""
    begin = time.monotonic()
    assert requests.get(f"{server.urls['http']}/health", timeout=20).status_code == 200
    return time.monotonic() - begin


def test_d06_hostile_json(server: ServerProcess) -> None:
    """400 or 413 with an error object for each, and the next call is answered."""
    typed = {"Content-Type": "application/json"}
    for name, body in BODIES.items():
        answer = requests.post(f"{server.urls['http']}/offer", data=body, headers=typed, timeout=10)
        assert answer.status_code == (413 if len(body) > LIMIT else 400), name
        assert set(answer.json()) == {"error", "message"}, name
    assert server.get("/health")["webrtc_clients"] == 0


def test_d06_a_gibibyte(server: ServerProcess) -> None:
    """Announced, or in chunks without end: 413, and no more than 256 KiB of it held."""
    health_s(server)
    before = resident_bytes(server)
    with connect(server) as sock:
        sock.sendall(f"{HEAD}Content-Length: {2**30}\r\n\r\n".encode())
        assert status_of(sock) == 413
    sent, chunk = 0, b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    with connect(server) as sock:
        sock.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        with suppress(ConnectionError):
            while sent < 2**30:
                sent += sock.send(chunk)
                if select.select([sock], [], [], 0)[0]:
                    break
        assert status_of(sock) == 413
    assert sent < TAKEN, "it read on"
    within("MB held", (resident_bytes(server) - before) / 1e6, 4)


def test_d06_lengths_that_lie(server: ServerProcess) -> None:
    """A body that stops short of its length holds no more than 256 KiB, and no worker."""
    connections = scaled(40, 400)
    health_s(server)
    before = resident_bytes(server)
    with ExitStack() as stack:
        for _ in range(connections):
            sock = stack.enter_context(connect(server))
            sock.sendall(f"{HEAD}Content-Length: {LIMIT}\r\n\r\n".encode() + b"[" * (LIMIT - 1))
        health_s(server)
        held = resident_bytes(server) - before
    within("KiB held for each", held / connections / KIB, 256)
    shorter = json.dumps({"type": "offer", "sdp": "v=0"}).encode()
    with connect(server) as sock:
        sock.sendall(f"{HEAD}Content-Length: {len(shorter) - 4}\r\n\r\n".encode() + shorter)
        assert status_of(sock) == 400


def test_d07_slow_clients(server: ServerProcess, many_files: None) -> None:
    """Sockets at a byte in two seconds: /health is answered all along, within half a second."""
    del many_files
    request = f"{HEAD}Content-Length: 5\r\n\r\n".encode()
    slowest_s = 0.0
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(scaled(20, 500))]
        for position in range(scaled(2, 30)):
            for sock in slow:
                with suppress(ConnectionError):
                    sock.send(request[position : position + 1])
            end = time.monotonic() + 2
            while time.monotonic() < end:
                slowest_s = max(slowest_s, health_s(server))
                time.sleep(0.05)
    within("s, the slowest /health", slowest_s, 0.5)


def test_d07_descriptors_over_1024(server: ServerProcess, many_files: None) -> None:
    """With 1,100 connections open the server still answers, within half a second."""
    del many_files
    with ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(connect(server))
        health_s(server)
        descriptors = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        slowest_s = max(health_s(server) for _ in range(20))
    assert descriptors > 1100
    within("s, the slowest /health", slowest_s, 0.5)
