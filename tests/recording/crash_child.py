"""Recorders that are killed at random moments, by a parent that keeps what they were handed.

``python -m tests.recording.crash_child DIRECTORY FORMAT COUNT SEED`` makes COUNT directories 0, 1,
... with a recording each, and ``handed``, a line with the capture time in ns of each access unit
as its recorder took it. A fork has all modules loaded, so that a hundred take seconds.
"""

import os
import random
import signal
import sys
import threading
import time
from itertools import count
from pathlib import Path

from petstream.h264.access_unit import AccessUnit
from petstream.h264.processor import Processor
from petstream.recording import Recorder
from tests.recording.helpers import access_units, encode

__all__ = ["Camera", "main"]

FRAME_S = 0.01
AT_ONCE = 10
LIFE_S = (0.4, 1.2)  # from the first access unit; an MP4 has a fragment after a quarter of a second


class Camera:
    """A source that makes access units at 100 fps, for ever."""

    def __init__(self, handed: int) -> None:
        self._handed = handed
        self._processor = Processor()
        self._numbers = count()
        self._due = time.monotonic()

    def get(self, timeout_s: float) -> AccessUnit | None:  # noqa: ARG002
        """Wait for the next one, and tell."""
        self._due += FRAME_S
        time.sleep(max(0.0, self._due - time.monotonic()))
        number = next(self._numbers)
        data = encode(50, gop=25)
        (unit,) = access_units(
            [data[number % len(data)]],
            begin_ns=time.monotonic_ns(),
            processor=self._processor,
            first=number,
        )
        os.write(self._handed, b"%d\n" % unit.capture_ns)
        return unit

    def wake(self) -> None:
        """It never waits long."""


def record(directory: Path, wanted: str) -> None:
    """Record until killed."""
    handed = os.open(directory / "handed", os.O_WRONLY | os.O_CREAT)
    recorder = Recorder(directory)
    # The loop carries the start out before it takes its first access unit.
    starter = threading.Thread(target=recorder.start, args=(wanted,), name="starter")
    starter.start()
    time.sleep(0.05)
    recorder.run(Camera(handed), threading.Event())


def main(directory: str, wanted: str, number: str, seed: str) -> None:
    """Kill them, a few at a time."""
    encode(50, gop=25)
    moments = random.Random(int(seed))
    places = [Path(directory, str(n)) for n in range(int(number))]
    for begin in range(0, len(places), AT_ONCE):
        pids = [(place, start(place, wanted)) for place in places[begin : begin + AT_ONCE]]
        ends = []
        for place, pid in pids:
            while not (place / "handed").exists() or not (place / "handed").stat().st_size:
                time.sleep(0.005)
            ends.append((time.monotonic() + moments.uniform(*LIFE_S), pid))
        for end, pid in sorted(ends):
            time.sleep(max(0.0, end - time.monotonic()))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def start(place: Path, wanted: str) -> int:
    """A process that records into a new directory; its number."""
    place.mkdir()
    pid = os.fork()
    if not pid:
        record(place, wanted)
    return pid


if __name__ == "__main__":
    main(*sys.argv[1:])
