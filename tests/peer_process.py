"""A viewer as a process of its own, that can be stopped and killed: `python -m tests.peer_process`.

Strategy: it writes a line for each access unit it receives, with the time and the number that a
stamping camera put into it; what the test wants to know it works out from those.
"""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import requests

from petstream.h264.sei import find_stamp
from tests.peer import Peer

__all__ = ["Arrival", "PeerProcess", "gaps_ms"]


@dataclass(frozen=True)
class Arrival:
    """An access unit that came.

    Attributes:
        at_s: when, by CLOCK_MONOTONIC.
        number: in its stamp.
        captured_s: when the camera captured it.
        lost: packets missing before its end.
    """

    at_s: float
    number: int
    captured_s: float
    lost: int


class PeerProcess:
    """A receiving process.

    Attributes:
        arrivals: what came so far.
    """

    def __init__(self, url: str) -> None:
        self.arrivals: list[Arrival] = []
        command = [sys.executable, "-m", "tests.peer_process", url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._reader.join()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it SIGSTOP or SIGCONT."""
        self.process.send_signal(number)

    def wait_for(self, count: int, timeout_s: float = 30) -> None:
        """Wait until that many access units came."""
        deadline = time.monotonic() + timeout_s
        while len(self.arrivals) < count:
            assert time.monotonic() < deadline, f"{len(self.arrivals)} came, not {count}"
            time.sleep(0.02)

    def between(self, begin_s: float, end_s: float) -> list[Arrival]:
        """What came in a span of CLOCK_MONOTONIC."""
        return [a for a in list(self.arrivals) if begin_s <= a.at_s < end_s]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if not line.endswith("\n"):
                    return  # it was killed while it wrote
                at_s, number, captured_s, lost = line.split()
                self.arrivals.append(
                    Arrival(float(at_s), int(number), float(captured_s), int(lost))
                )


def gaps_ms(arrivals: Sequence[Arrival]) -> list[float]:
    """Times between arrivals, sorted."""
    return sorted(1e3 * (b.at_s - a.at_s) for a, b in itertools.pairwise(arrivals))


def main() -> None:
    """Receive until the parent is gone."""
    url, parent = sys.argv[1], os.getppid()

    def answer(offer: str) -> str:
        body = {"type": "offer", "sdp": offer}
        reply = requests.post(f"{url}/offer", json=body, timeout=10)
        reply.raise_for_status()
        return str(reply.json()["sdp"])

    with Peer(answer) as peer:
        for count in itertools.count(1):
            if os.getppid() != parent:
                return
            (unit,) = peer.wait_for(count, timeout_s=3600)[-1:]
            stamp = find_stamp(unit.nal_units)
            assert stamp is not None
            print(
                unit.arrived_ns / 1e9,
                stamp.frame_number,
                stamp.capture_ns / 1e9,
                unit.lost,
                flush=True,
            )


if __name__ == "__main__":
    main()
