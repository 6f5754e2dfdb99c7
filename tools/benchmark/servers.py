"""The servers under test, each as a process."""

import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["POLLING_STOCK", "STOCK", "THIS", "ServerUnderTest", "Subject"]

HERE: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        name: as the table shows it.
        checkout: the directory whose petstream is run; None for aiortc's own sender.
        options: of the latter.
    """

    name: str
    checkout: Path | None
    options: tuple[str, ...] = ()


THIS: Final = Subject("petstream", HERE)
STOCK: Final = Subject("stock", None)
POLLING_STOCK: Final = Subject("polling stock", None, ("--polling",))


class ServerUnderTest:
    """A server that reads a segment and answers POST /offer.

    Attributes:
        pid: of its process.
        url: of its REST calls.
    """

    def __init__(self, subject: Subject, shm: str, max_viewers: int) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-m", *_module(subject, shm, max_viewers, self._directory.name)],
            cwd=subject.checkout or HERE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self.url = self._wait_for_url()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._directory.cleanup()

    def _wait_for_url(self) -> str:
        assert self._process.stderr is not None
        log = []
        for line in self._process.stderr:
            log.append(line)
            if found := re.search(r"http listens on (http://\S+)", line):
                return found[1]
        raise RuntimeError(f"the server ended before it listened: {''.join(log[-5:])}")


def _module(subject: Subject, shm: str, max_viewers: int, directory: str) -> list[str]:
    if subject.checkout is None:
        return ["tools.benchmark.stock", shm, *subject.options]
    return [
        *("petstream", "serve", f"-shm={shm}", f"-record-path={directory}", "-log-level=info"),
        *("-http=127.0.0.1:0", "-metrics=127.0.0.1:0", "-pprof="),
        *("-ice-addresses=127.0.0.1", f"-max-clients={max_viewers}"),
    ]
