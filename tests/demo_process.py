"""``petstream demo`` as a process of its own, on free ports."""

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["DemoProcess", "demo"]

READY = re.compile(r"petstream is running: (http://\S+)")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held together, so that they are different ones."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [int(s.getsockname()[1]) for s in sockets]


class DemoProcess:
    """A running demo.

    Attributes:
        lines: what it printed so far.
        url: the address it announced.
    """

    def __init__(self, segment: str, directory: Path, *flags: str) -> None:
        http, monitor, metrics = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.server_url = f"http://{http}"
        self.lines: list[str] = []
        self.url = ""
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "petstream", "demo", f"-shm={segment}", f"-http={http}"),
                *(f"-monitor={monitor}", f"-metrics={metrics}", "-pprof="),
                f"-detections={segment}-detections",
                *(f"-record-path={directory}", "-fixture=barcode-480p30", *flags),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Wait for the announcement, or for the end."""
        assert self._ready.wait(30), self.lines

    def close(self) -> None:
        """End it the hard way, unless it has ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())
                if found := READY.search(line):
                    self.url = found[1]
                    self._ready.set()
        self._ready.set()


@contextmanager
def demo(segment: str, directory: Path, *flags: str) -> Iterator[DemoProcess]:
    """A demo that has said that it runs."""
    process = DemoProcess(segment, directory, *flags)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.close()
