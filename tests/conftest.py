"""What every test gets: a unique segment name, and a check that nothing is left behind."""

import asyncio
import fcntl
import gc
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.scale import NIGHTLY, scaled

collect_ignore = ["example_project"]  # run in an environment of its own, see test_pytest_plugin

SHM = Path("/dev/shm")
# What fails is printed so that it can be done again, and kept as an @example beside its test: the
# database is in no clone but one's own.
settings.register_profile(
    "petstream",
    max_examples=scaled(100, 10_000),
    print_blob=True,
    derandomize=not NIGHTLY,
    # How long an example takes says more of the machine than of the code.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("petstream")

SETTLE_S = 10.0  # threads and sockets that were told to end may take a moment

_left_out: dict[str, int] = {"nightly": 0, "quarantine": 0}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of the gate, unless it is night or a test is named by its id."""
    if NIGHTLY or any("::" in argument for argument in config.args):
        return
    for tier in _left_out:
        out = [item for item in items if item.get_closest_marker(tier)]
        items[:] = [item for item in items if not item.get_closest_marker(tier)]
        config.hook.pytest_deselected(items=out)
        _left_out[tier] = len(out)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = _left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from xdist's workers, each of which collects all tests, what they left out."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the suite was not of this run."""
    terminalreporter.write_line(
        f"left out: {_left_out['nightly']} for the night, {_left_out['quarantine']} in quarantine"
    )


@pytest.fixture
def segment_name() -> Iterator[str]:
    """A shared-memory name that no other test, worker or run uses."""
    name = f"/{_segment_prefix()}-{uuid.uuid4().hex[:12]}"
    yield name
    (SHM / name[1:]).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Share the machine with tests of other workers, or, for ``realtime``, have it alone.

    Whoever asks goes through a turnstile, so that one who waits to be alone does not starve.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    alone = request.node.get_closest_marker("realtime") is not None
    with (base / "turnstile").open("a") as turnstile, (base / "machine").open("a") as lock:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield


@pytest.fixture(autouse=True)
def leak_check(machine: None) -> Iterator[None]:  # noqa: ARG001 - the turn comes first
    """Fail the test that leaves a file descriptor, a thread, a task or a segment behind."""
    threads = set(threading.enumerate())
    tasks = _pending_tasks()
    descriptors = _descriptors()
    yield

    def leaks() -> list[str]:
        new_threads = [t.name for t in threading.enumerate() if t not in threads and t.is_alive()]
        new_descriptors = _descriptors() - descriptors
        segments = [p.name for p in SHM.glob(f"{_segment_prefix()}-*")]
        return [
            *(f"thread {name}" for name in new_threads),
            *(f"task {task.get_name()} {task.get_coro()}" for task in _pending_tasks() - tasks),
            *(f"file descriptor to {target}" for target in sorted(new_descriptors)),
            *(f"segment {name}" for name in segments),
        ]

    left = _until_empty(leaks)
    assert not left, f"left behind: {', '.join(left)}"


class _Loops:
    """Every event loop there is: asyncio tells the tasks of a loop, but not the loops."""

    def __init__(self) -> None:
        self._known: weakref.WeakSet[asyncio.BaseEventLoop] = weakref.WeakSet()
        make = asyncio.BaseEventLoop.__init__

        def remember(loop: asyncio.BaseEventLoop) -> None:
            make(loop)
            self._known.add(loop)

        asyncio.BaseEventLoop.__init__ = remember  # type: ignore[assignment,method-assign]

    def __iter__(self) -> Iterator[asyncio.BaseEventLoop]:
        return iter(list(self._known))


_loops = _Loops()


def _pending_tasks() -> set[asyncio.Task[Any]]:
    """The tasks of all event loops, also of closed ones, that are not done."""
    return {task for loop in _loops for task in asyncio.all_tasks(loop)}


def _segment_prefix() -> str:
    return f"petstream-test-{os.getpid()}"


def _descriptors() -> set[str]:
    """What is open, each with its number, so that two of a kind are two."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return found


def _until_empty(look: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + SETTLE_S
    left = look()
    while left and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
        left = look()
    return left
