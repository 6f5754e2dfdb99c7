"""What the profiles say of programs whose answer is known."""

import asyncio
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from petstream.errors import UnavailableError
from petstream.profiling import Profiler
from petstream.profiling.cpu import cpu_profile
from petstream.profiling.functions import FunctionFinder
from petstream.profiling.heap import heap_profile
from petstream.profiling.routines import routines
from petstream.profiling.wire import Profile

NEVER = threading.Event()


def spin(stop: threading.Event) -> None:
    """Use a CPU."""
    while not stop.is_set():
        sum(range(1000))


def sleep(stop: threading.Event) -> None:
    """Use none."""
    stop.wait()


def hold(kept: list[bytearray]) -> None:
    """Take a megabyte and keep it."""
    kept.append(bytearray(2**20))


@contextmanager
def running(*targets: object) -> Iterator[None]:
    """A thread for each function, named after it."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=target, args=(stop,), name=target.__name__)  # type: ignore[arg-type, attr-defined]
        for target in targets
    ]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def by_thread(profile: Profile) -> dict[str, int]:
    """CPU time in nanoseconds."""
    found: dict[str, int] = {}
    for sample in profile.samples:
        name = sample.labels["thread"]
        found[name] = found.get(name, 0) + sample.values[1]
    return found


def test_cpu_time_goes_to_who_used_it() -> None:
    """A thread that works has what its own clock says; one that waits does not appear."""
    with running(spin, sleep):
        profile = cpu_profile(1.0, NEVER)
    times = by_thread(profile)
    assert "sleep" not in times
    assert max(times, key=lambda name: times[name]) == "spin"
    leaves = {s.stack[0].function for s in profile.samples if s.labels["thread"] == "spin"}
    assert any(name.endswith((".spin", "Event.is_set")) for name in leaves)
    assert all(s.stack[-1].function.startswith("threading.") for s in profile.samples
               if s.labels["thread"] == "spin")  # fmt: skip


def test_a_profile_ends_when_told() -> None:
    """The server does not wait for it."""
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    begin = time.monotonic()
    cpu_profile(60.0, stop)
    assert time.monotonic() - begin < 10


def test_the_interpreter_is_left_as_it_was() -> None:
    """The switch interval is changed during a look only."""
    before = sys.getswitchinterval()
    cpu_profile(0.2, NEVER)
    assert sys.getswitchinterval() == before


def test_heap_names_who_holds() -> None:
    """Function, file and line of what was allocated meanwhile and is kept."""
    kept: list[bytearray] = []
    threading.Timer(0.2, hold, (kept,)).start()
    profile = heap_profile(0.5, NEVER)
    assert not tracemalloc.is_tracing()
    largest = max(profile.samples, key=lambda sample: sample.values[1])
    assert largest.values[1] >= 2**20
    assert largest.stack[0].function.endswith("test_measurements.hold")
    assert largest.stack[0].file == __file__


def test_tracing_that_is_on_stays_on() -> None:
    """Then a profile does not wait."""
    profiler = Profiler()
    profiler.keep_tracing(True)
    begin = time.monotonic()
    profiler.heap(60.0)
    assert time.monotonic() - begin < 30
    assert tracemalloc.is_tracing()
    profiler.close()
    assert not tracemalloc.is_tracing()


def test_one_profile_at_a_time() -> None:
    """A second one is refused; stacks are shown all the same."""
    profiler = Profiler()
    first = threading.Thread(target=lambda: profiler.cpu(60.0))
    first.start()
    deadline = time.monotonic() + 20
    while "thread profiler" not in profiler.routines_text(grouped=False):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(UnavailableError, match="being taken"):
        profiler.heap(1.0)
    profiler.close()
    first.join()
    with pytest.raises(UnavailableError, match="stopping"):
        profiler.cpu(1.0)


def test_threads_and_tasks_are_shown_where_they_wait() -> None:
    """A task's stack goes down to the coroutine that waits."""

    async def inner() -> None:
        await asyncio.sleep(60)

    async def outer() -> None:
        await inner()

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(outer(), name="a task")
        await asyncio.sleep(0)
        with running(sleep):
            found = {routine.name: routine for routine in routines([task])}
        task.cancel()
        names = [frame.function.rpartition(".")[2] for frame in found["a task"].stack]
        assert names == ["sleep", "inner", "outer"]
        assert found["a task"].kind == "task"
        assert [f.function for f in found["sleep"].stack][-1].startswith("threading.Thread")

    asyncio.run(main())


def test_lines_are_given_their_functions() -> None:
    """Methods, nested functions, decorated ones, and what is in none."""
    finder = FunctionFinder()
    lines = Path(__file__).read_text().splitlines()
    wanted = {
        "    async def inner() -> None:": "test_threads_and_tasks_are_shown_where_they_wait"
        ".<locals>.inner",
        "@contextmanager": "running",
        "NEVER = threading.Event()": "<module>",
    }
    for text, name in wanted.items():
        frame = finder.frame(__file__, lines.index(text) + 1)
        assert frame.function.endswith(f"test_measurements.{name}")
    assert finder.frame("<string>", 3).function == "<module>"
