"""What runs at once, which pprof calls goroutines: here threads and asyncio tasks.

Strategy: stacks are only looked at, nobody is stopped, so this works while something hangs. A
task's stack is followed from its coroutine down to what it waits for.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from petstream.profiling.stacks import (
    DEPTH_MAX,
    ModuleNames,
    RawStack,
    Stack,
    thread_stacks,
)
from petstream.profiling.wire import Profile, Sample

__all__ = ["Routine", "routine_profile", "routines", "routines_text"]

Tasks = Iterable["asyncio.Task[Any]"]


class Routine(NamedTuple):
    """One thread or task.

    Attributes:
        kind: ``thread`` or ``task``.
        detail: what else there is to say of it.
    """

    kind: str
    name: str
    detail: str
    stack: Stack


def routines(tasks: Tasks) -> list[Routine]:
    """All threads, and the tasks given."""
    names = ModuleNames()
    threads = [
        Routine("thread", t.name, f"{t.ident}{', daemon' * t.daemon}", t.stack)
        for t in thread_stacks(names)
    ]
    return [*threads, *_task_routines(tasks, names)]


def routine_profile(found: Iterable[Routine]) -> Profile:
    """The routines for ``go tool pprof``: each counts 1 at its stack."""
    labelled = [Sample(r.stack, (1,), {r.kind: r.name}) for r in found]
    return Profile(
        sample_types=(("goroutine", "count"),),
        samples=tuple(labelled),
        period_type=("goroutine", "count"),
        period=1,
        time_ns=time.time_ns(),
    )


def routines_text(found: Iterable[Routine], *, grouped: bool) -> str:
    """The routines for people: ``?debug=1`` groups those at one stack, ``?debug=2`` does not."""
    lines = _grouped(list(found)) if grouped else _one_by_one(found)
    return "\n".join(lines) + "\n"


def _task_routines(tasks: Tasks, names: ModuleNames) -> Iterator[Routine]:
    for task in tasks:
        if not task.done():
            yield Routine("task", task.get_name(), "", names.stack(_awaits(task.get_coro())))


def _awaits(awaitable: Any) -> RawStack:
    """The calls of a suspended coroutine, innermost first."""
    calls: list[tuple[CodeType, int]] = []
    while awaitable is not None and len(calls) < DEPTH_MAX:
        kind = next((k for k in ("cr", "gi", "ag") if hasattr(awaitable, f"{k}_frame")), None)
        frame = getattr(awaitable, f"{kind}_frame", None)
        if frame is None:  # a future, or over since
            break
        calls.append((frame.f_code, frame.f_lineno or 0))
        awaitable = getattr(awaitable, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
    return tuple(reversed(calls))


def _grouped(found: list[Routine]) -> Iterator[str]:
    yield f"goroutine profile: total {len(found)}"
    for stack, count in Counter(routine.stack for routine in found).most_common():
        names = ", ".join(sorted(f"{r.kind} {r.name}" for r in found if r.stack == stack))
        yield f"\n{count} @ {names}"
        for frame in stack:
            yield f"#\t{frame.function}\t{frame.file}:{frame.line}"


def _one_by_one(found: Iterable[Routine]) -> Iterator[str]:
    for routine in found:
        detail = f" [{routine.detail}]" * bool(routine.detail)
        yield f"{routine.kind} {routine.name}{detail}:"
        for frame in routine.stack:
            yield f"{frame.function}\n\t{frame.file}:{frame.line}"
        yield ""
