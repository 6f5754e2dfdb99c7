"""Which lines have allocated the memory that is in use, by tracemalloc.

Strategy: tracemalloc knows only what was allocated since it was started, and slows all allocation
down while it runs. So a profile starts it, waits, takes what was allocated meanwhile and is still
there, and stops it again; whoever looks for a slow leak leaves it on between two profiles. It
knows files and lines, to which the functions are added here.
"""

import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Final

from petstream.profiling.functions import FunctionFinder
from petstream.profiling.wire import Profile, Sample

__all__ = ["heap_profile", "keep_tracing", "tracing_since"]

FRAMES: Final = 16  # of each stack; each one costs memory and time

_kept_since: float | None = None  # time.time() of keep_tracing


def tracing_since() -> float | None:
    """When tracing was left on, seconds since 1970; None if it was not by ``keep_tracing``."""
    return _kept_since if tracemalloc.is_tracing() else None


def keep_tracing(on: bool) -> None:
    """Leave tracing on, or turn it off (one thread at a time)."""
    global _kept_since
    if on and not tracemalloc.is_tracing():
        tracemalloc.start(FRAMES)
        _kept_since = time.time()
    elif not on and tracemalloc.is_tracing():
        tracemalloc.stop()
        _kept_since = None


def heap_profile(seconds: float, stop: threading.Event) -> Profile:
    """What is in use of the memory allocated while it was traced (one thread at a time).

    Args:
        seconds: for how long to trace, if tracing is off; if it is on there is no need to wait.
        stop: ends the wait sooner.
    """
    begin_ns = time.time_ns()
    was_on = tracemalloc.is_tracing()
    if not was_on:
        tracemalloc.start(FRAMES)
    try:
        if not was_on:
            stop.wait(seconds)
        snapshot = tracemalloc.take_snapshot()
        own_bytes = tracemalloc.get_tracemalloc_memory()
    finally:
        if not was_on:
            tracemalloc.stop()
    return Profile(
        sample_types=(("inuse_objects", "count"), ("inuse_space", "bytes")),
        samples=tuple(_samples(snapshot.statistics("traceback"))),
        period_type=("space", "bytes"),
        period=1,
        time_ns=begin_ns,
        duration_ns=time.time_ns() - begin_ns,
        comments=(
            f"allocated {_since(was_on)}, and still in use",
            f"tracemalloc itself uses {own_bytes} bytes",
        ),
    )


def _since(was_on: bool) -> str:
    if not was_on:
        return "while this profile was taken"
    since = tracing_since()
    return "since tracing began" if since is None else f"in the last {time.time() - since:.0f} s"


def _samples(statistics: Iterable[tracemalloc.Statistic]) -> Iterator[Sample]:
    finder = FunctionFinder()
    for statistic in statistics:
        innermost_first = reversed(list(statistic.traceback))
        stack = tuple(finder.frame(call.filename, call.lineno) for call in innermost_first)
        yield Sample(stack, (statistic.count, statistic.size))
