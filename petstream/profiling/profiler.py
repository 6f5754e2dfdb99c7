"""Profiles on request: one at a time, each bounded, and none once the server stops.

Strategy: whatever takes a while holds the one turn there is; a second request is refused at once
rather than queued, because two samplers would measure each other. A look at the stacks needs no
turn: it has to work when something hangs, a profile included.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from petstream.errors import UnavailableError
from petstream.profiling import heap
from petstream.profiling.cpu import cpu_profile
from petstream.profiling.routines import routine_profile, routines, routines_text
from petstream.profiling.wire import encode

__all__ = ["SECONDS_MAX", "Profiler"]

SECONDS_MAX: Final = 60.0


class Profiler:
    """Takes profiles of this process; any thread may call any method."""

    def __init__(self, tasks: Callable[[], Iterable["asyncio.Task[Any]"]] = tuple) -> None:
        """Make it; nothing is measured yet.

        Args:
            tasks: gives the asyncio tasks there are.
        """
        self._tasks = tasks
        self._turn = threading.Lock()
        self._stop = threading.Event()

    def cpu(self, seconds: float) -> bytes:
        """Where CPU time goes during the next seconds, for ``go tool pprof``.

        Raises:
            UnavailableError: another profile is being taken, or the server stops.
        """
        with self._one_at_a_time():
            return encode(cpu_profile(min(seconds, SECONDS_MAX), self._stop))

    def heap(self, seconds: float) -> bytes:
        """What holds memory; see heap_profile. Raises as ``cpu`` does."""
        with self._one_at_a_time():
            return encode(heap.heap_profile(min(seconds, SECONDS_MAX), self._stop))

    def keep_tracing(self, on: bool) -> None:
        """Leave the tracing of allocations on, or turn it off. Raises as ``cpu`` does."""
        with self._one_at_a_time():
            heap.keep_tracing(on)

    def routines(self) -> bytes:
        """Threads and tasks, for ``go tool pprof``."""
        return encode(routine_profile(routines(self._tasks())))

    def routines_text(self, *, grouped: bool) -> str:
        """Threads and tasks, for people."""
        return routines_text(routines(self._tasks()), grouped=grouped)

    def close(self) -> None:
        """End the profile that is being taken, and the tracing; refuse further ones."""
        self._stop.set()
        with self._turn:
            if heap.tracing_since() is not None:
                heap.keep_tracing(False)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._turn.acquire(blocking=False):
            raise UnavailableError("a profile is being taken; it ends within a minute")
        try:
            if self._stop.is_set():
                raise UnavailableError("the server is stopping")
            yield
        finally:
            self._turn.release()
