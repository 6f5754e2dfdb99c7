"""A hundred pages open at once: what their event streams cost the server."""

import selectors
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.camera_process import CameraProcess
from tests.faults.figures import holding
from tests.scale import within
from tests.server_process import ServerProcess
from tests.web.client import Client
from tools.benchmark.processes import cpu_s

LISTENERS = 100
SECONDS = 60
HEALTH_MAX_MS = 200.0


class Listeners:
    """Connections to an event stream that one thread reads.

    Attributes:
        heard: bytes that each has been sent so far.
    """

    def __init__(self, monitor: Client, path: str) -> None:
        self.heard = [0] * LISTENERS
        self._selector = selectors.DefaultSelector()
        self._over = threading.Event()
        with ExitStack() as stack:
            for number in range(LISTENERS):
                sock = stack.enter_context(monitor.connect())
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                sock.setblocking(False)
                self._selector.register(sock, selectors.EVENT_READ, number)
            self._sockets = stack.pop_all()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def close(self) -> None:
        """Let go of all."""
        self._over.set()
        self._thread.join()
        self._selector.close()
        self._sockets.close()

    def _read(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                self.heard[key.data] += len(key.fileobj.recv(65536))  # type: ignore[union-attr]


@contextmanager
def listening(monitor: Client, path: str) -> Iterator[Listeners]:
    """A hundred listeners to a stream."""
    listeners = Listeners(monitor, path)
    try:
        yield listeners
    finally:
        listeners.close()


def ask_for_health(server: ServerProcess, seconds: float) -> tuple[float, list[float]]:
    """For so long: CPU of the server in percent of a core, and the times of both answers in ms."""
    took_ms = []
    begin, used_s = time.monotonic(), cpu_s(server.process.pid)
    while time.monotonic() < begin + seconds:
        for url in (server.urls["http"] + "/health", server.urls["monitor"] + "/api/status"):
            asked = time.monotonic()
            assert requests.get(url, timeout=20).status_code == 200
            took_ms.append(1e3 * (time.monotonic() - asked))
        time.sleep(0.2)
    used_s = cpu_s(server.process.pid) - used_s
    return 100 * used_s / (time.monotonic() - begin), took_ms


@pytest.mark.nightly
@pytest.mark.realtime
def test_a_hundred_listeners_for_a_minute(segment_name: str, tmp_path: Path) -> None:
    """30 events a second to each of them: health answers in time, and there is no thread more."""
    boxes = f"{segment_name}-boxes"
    with (
        CameraProcess("barcode-480p30", segment_name, "--detections", boxes),
        ServerProcess(
            segment_name, tmp_path, "-monitor=127.0.0.1:0", f"-detections={boxes}"
        ) as server,
    ):
        server.wait_for_health("ok")
        alone, _ = ask_for_health(server, 10)
        before = holding(server.process.pid).threads
        monitor = Client(int(server.urls["monitor"].rpartition(":")[2]))
        with listening(monitor, "/api/detections/stream") as listeners:
            together, took_ms = ask_for_health(server, SECONDS)
            assert holding(server.process.pid).threads == before
            least = min(listeners.heard)
        print(f"CPU {alone:.1f} % without, {together:.1f} % with {LISTENERS}; {before} threads")
        print(f"health: p50 {statistics.median(took_ms):.1f} ms of {len(took_ms)} answers")
        print(f"each has heard {least / SECONDS / 1e3:.1f} kB/s at least")
        within("health at most, ms", max(took_ms), HEALTH_MAX_MS)
        assert least > SECONDS * 30 * 100
