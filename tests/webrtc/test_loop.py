"""The event loop's thread: calls from outside, faults inside, and its end."""

import asyncio
import functools
import threading
import time
from collections.abc import Iterator

import pytest

from petstream.errors import UnavailableError
from petstream.webrtc.loop import EventLoopThread
from tests.waiting import wait_until


class Watched:
    """A loop, and what happened to it."""

    def __init__(self) -> None:
        self.set_up = 0
        self.torn_down = 0
        self.fatal: list[tuple[str, Exception]] = []
        self.loop = EventLoopThread(
            "test-loop",
            self._set_up,
            self._tear_down,
            on_fatal=lambda name, error: self.fatal.append((name, error)),
        )

    def _set_up(self, loop: asyncio.AbstractEventLoop) -> None:
        assert loop is asyncio.get_running_loop()
        self.set_up += 1

    async def _tear_down(self) -> None:
        self.torn_down += 1


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A loop that runs."""
    made = Watched()
    made.loop.start()
    wait_until_running(made.loop)
    yield made
    assert made.loop.stop(5.0)


def wait_until_running(loop: EventLoopThread) -> None:
    """Wait until calls are answered."""
    deadline = time.monotonic() + 20
    while True:
        try:
            loop.call(number(1), 1.0)
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        else:
            return


async def number(value: int) -> int:
    """The value, after a turn of the loop."""
    await asyncio.sleep(0)
    return value


def test_call_gives_the_result(watched: Watched) -> None:
    """A coroutine runs on the loop's thread, and its result or exception comes back."""

    async def who() -> str:
        return threading.current_thread().name

    async def fail() -> None:
        raise ValueError("on purpose")

    assert watched.loop.call(number(7), 1.0) == 7
    assert watched.loop.call(who(), 1.0) == "test-loop"
    with pytest.raises(ValueError, match="on purpose"):
        watched.loop.call(fail(), 1.0)
    assert watched.set_up == 1


def test_call_without_a_loop_is_refused() -> None:
    """Before the start and after the end a call is a 503, at once."""
    made = Watched()
    with pytest.raises(UnavailableError, match="not running"):
        made.loop.call(number(1), 1.0)
    made.loop.start()
    wait_until_running(made.loop)
    assert made.loop.stop(5.0)
    with pytest.raises(UnavailableError, match="not running"):
        made.loop.call(number(1), 1.0)
    made.loop.call_soon(lambda: pytest.fail("there is no loop"))
    assert made.torn_down == 1


def test_call_gives_up_in_time(watched: Watched) -> None:
    """A coroutine that takes too long is cancelled, and the caller told."""
    cancelled = threading.Event()

    async def sleeper() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    begin = time.monotonic()
    with pytest.raises(UnavailableError, match="did not answer within"):
        watched.loop.call(sleeper(), 0.2)
    assert time.monotonic() - begin < 2
    assert cancelled.wait(2)


def test_a_blocked_loop_is_noticed(watched: Watched) -> None:
    """While a callback does not return, blocked_s grows; afterwards it is 0 again."""
    release = threading.Event()

    def block() -> None:
        release.wait(10)

    watched.loop.call_soon(block)
    deadline = time.monotonic() + 20
    while watched.loop.blocked_s < 0.3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    release.set()
    while watched.loop.blocked_s > 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stray_errors_are_counted_and_end_nothing(watched: Watched) -> None:
    """An exception that no task awaits is counted; the loop runs on."""

    async def leave_one() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0.01)

    watched.loop.call(leave_one(), 1.0)
    assert watched.loop.stray_errors == 1
    assert watched.loop.call(number(3), 1.0) == 3
    assert watched.set_up == 1


def test_a_fault_of_all_restarts_the_loop(watched: Watched) -> None:
    """An exception in a callback tears the loop down; the supervisor makes a new one."""

    def fail() -> None:
        raise ZeroDivisionError

    watched.loop.call_soon(fail)
    deadline = time.monotonic() + 20
    while watched.set_up < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    wait_until_running(watched.loop)
    assert watched.torn_down == 1
    assert watched.loop.thread.restarts == 1
    assert isinstance(watched.loop.thread.fault, ZeroDivisionError)
    assert not watched.fatal


def test_later_is_on_the_loop_whoever_asks(watched: Watched) -> None:
    """From another thread as from the loop itself, at once or after a while."""
    threads: list[str] = []

    def note() -> None:
        threads.append(threading.current_thread().name)

    for delay_s in (0.0, 0.001):
        watched.loop.call_later(delay_s, note)
        watched.loop.call_soon(functools.partial(watched.loop.call_later, delay_s, note))
    wait_until(lambda: len(threads) == 4, "the callbacks")
    assert set(threads) == {"test-loop"}


def test_fault_met_elsewhere_ends_the_loop(watched: Watched) -> None:
    """It is entered again, and keeps the fault."""
    fault = ValueError("odd")
    watched.loop.fail(fault)
    wait_until(lambda: watched.set_up == 2, "the loop")
    assert watched.loop.thread.fault is fault
