"""The camera of a benchmark: as the simulator, but it keeps when each access unit was written."""

import bisect
import multiprocessing
import time
from fractions import Fraction
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Final, Self

from simulator import Pacer, RingWriter
from tools.benchmark.streams import FPS, Stream

__all__ = ["BenchCamera"]

LONGEST_S: Final = 3600
SIZE: Final = (1920, 1080)


class BenchCamera:
    """Plays a stream in a process of its own.

    Attributes:
        captured_ns: time.monotonic_ns() just before each write, by number; 0 for those to come.
        written_ns: the same just after it.
        pid: of its process.
    """

    def __init__(self, shm: str, stream: Stream) -> None:
        context = multiprocessing.get_context("spawn")
        self.captured_ns: SynchronizedArray[int] = context.Array("q", LONGEST_S * FPS)
        self.written_ns: SynchronizedArray[int] = context.Array("q", LONGEST_S * FPS)
        self._stop = context.Event()
        self._process = context.Process(
            target=_play,
            args=(shm, stream, self.captured_ns, self.written_ns, self._stop),
            name="camera",
        )

    def __enter__(self) -> Self:
        self._process.start()
        self.pid = self._process.pid or 0
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._process.join()

    @property
    def written(self) -> int:
        """How many access units were written so far."""
        return bisect.bisect_left(range(len(self.captured_ns)), True, key=self._is_to_come)

    def _is_to_come(self, number: int) -> bool:
        return self.captured_ns[number] == 0


def _play(
    shm: str,
    stream: Stream,
    captured_ns: "SynchronizedArray[int]",
    written_ns: "SynchronizedArray[int]",
    stop: Event,
) -> None:
    pacer, interval = Pacer(), Fraction(1_000_000_000, FPS)
    width, height = SIZE
    before, after = captured_ns.get_obj(), written_ns.get_obj()
    with RingWriter(shm) as writer:
        for number in range(LONGEST_S * FPS):
            due_ns = pacer.next_deadline(interval)
            if stop.wait(max(0, due_ns - time.monotonic_ns()) / 1e9):
                return
            before[number] = now_ns = time.monotonic_ns()
            writer.write(
                stream.gop[number % len(stream.gop)],
                frame_number=number,
                capture_ns=now_ns,
                width=width,
                height=height,
            )
            after[number] = time.monotonic_ns()
