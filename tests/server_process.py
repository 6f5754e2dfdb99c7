"""``petstream serve`` as a process of its own, on free ports."""

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.waiting import wait_until

__all__ = ["ServerProcess", "loopback_flags"]


def loopback_flags(segment: str, record_path: Path) -> list[str]:
    """Flags for a server that takes free ports and uses the loopback interface only."""
    return [
        f"-shm={segment}",
        "-http=127.0.0.1:0",
        "-metrics=127.0.0.1:0",
        "-pprof=127.0.0.1:0",
        f"-record-path={record_path}",
        "-ice-addresses=127.0.0.1",
    ]


class ServerProcess:
    """A running server.

    Attributes:
        urls: what listens where, by name: ``http``, ``metrics``, ``pprof``.
        log: the lines it wrote to stderr so far.
    """

    def __init__(
        self, segment: str, record_path: Path, *flags: str, module: str = "petstream"
    ) -> None:
        self.urls: dict[str, str] = {}
        self.log: list[str] = []
        self._ready = threading.Event()
        command = [sys.executable, "-m", module, "serve"]
        self.process = subprocess.Popen(
            [*command, *loopback_flags(segment, record_path), *flags],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()
        assert self._ready.wait(30), self.log

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON that GET gives."""
        return dict(requests.get(self.urls["http"] + path, timeout=20).json())

    def post(self, path: str, body: object = None) -> requests.Response:
        """What POST gives."""
        return requests.post(self.urls["http"] + path, json=body, timeout=20)

    def offer(self, sdp: str) -> str:
        """POST /offer."""
        response = self.post("/offer", {"type": "offer", "sdp": sdp})
        assert response.status_code == 200, response.text
        return str(response.json()["sdp"])

    def wait_for_health(self, status: str, timeout_s: float = 30) -> dict[str, Any]:
        """Wait until /health says ``status``."""
        deadline = time.monotonic() + timeout_s
        health = self.get("/health")
        while health["status"] != status and time.monotonic() < deadline:
            time.sleep(0.05)
            health = self.get("/health")
        assert health["status"] == status, health
        return health

    def wait_for_frames(self, count: int) -> None:
        """Wait until so many access units are recorded."""
        wait_until(lambda: self.get("/status")["frame_count"] >= count, "access units recorded")

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; the exit code, and how long it took in seconds."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        return code, time.monotonic() - begin

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self.log.append(line.rstrip())
                match = re.search(r"(\w+) listens on (http://\S+)", line)
                if match:
                    self.urls[match[1]] = match[2]
                if " runs: " in line:
                    self._ready.set()
        self._ready.set()  # it ended; whoever waits reads why in the log
