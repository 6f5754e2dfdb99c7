"""Threads that cannot die in silence."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from petstream.threads import RESTARTS_MAX, RESTARTS_WINDOW_S, SupervisedThread
from tests.waiting import wait_until

Loop = Callable[[threading.Event], None]


def start(loop: Loop, fatal: list[tuple[str, Exception]] | None = None) -> SupervisedThread:
    """A running thread, which writes down what is fatal."""
    deaths: list[tuple[str, Exception]] = [] if fatal is None else fatal
    thread = SupervisedThread(
        "test", loop, on_fatal=lambda name, error: deaths.append((name, error))
    )
    thread.start()
    return thread


def stop(thread: SupervisedThread) -> None:
    """Stop a thread that does what it is told."""
    thread.request_stop()
    assert thread.join(10)


def failing(times: int, error: BaseException) -> Loop:
    """A loop that raises so many times, and then waits to be stopped."""
    left = [times]

    def loop(stop: threading.Event) -> None:
        if left[0]:
            left[0] -= 1
            raise error
        stop.wait()

    return loop


def test_loop_runs_until_it_is_stopped() -> None:
    """A sound loop is entered once."""
    thread = start(failing(0, ValueError()))
    assert thread.alive
    stop(thread)
    assert not thread.alive
    assert (thread.restarts, thread.fault, thread.failed) == (0, None, False)


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(3), KeyboardInterrupt()])
def test_loop_is_entered_again_within_a_second(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raised is kept and logged, with the thread's name."""
    entered: list[float] = []
    raising = failing(1, error)

    def loop(stop: threading.Event) -> None:
        entered.append(time.monotonic())
        raising(stop)

    thread = start(loop)
    wait_until(lambda: len(entered) == 2, "the loop to be entered again")
    stop(thread)
    assert entered[1] - entered[0] <= 1
    assert thread.restarts == 1
    assert thread.fault is error or repr(error) in str(thread.fault)
    assert "thread test failed and is entered again" in caplog.text


def test_loop_that_returns_unasked_has_failed() -> None:
    """A thread that ends by itself is a fault like any other."""
    thread = start(lambda _: None)
    wait_until(lambda: thread.restarts, "a restart")
    stop(thread)
    assert "returned unasked" in str(thread.fault)


def test_more_than_five_failures_in_a_minute_are_fatal(caplog: pytest.LogCaptureFixture) -> None:
    """After the sixth the thread is given up, which is said once."""
    fatal: list[tuple[str, Exception]] = []
    error = ValueError("for good")
    thread = start(failing(100, error), fatal)
    assert thread.join(20)
    assert fatal == [("test", error)]
    assert (thread.restarts, thread.failed, thread.alive) == (RESTARTS_MAX, True, False)
    assert [record.levelno for record in caplog.records].count(logging.CRITICAL) == 1


def test_failures_far_apart_are_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those within the last minute count."""
    now = [0.0]

    def clock() -> float:
        now[0] += RESTARTS_WINDOW_S / RESTARTS_MAX + 1
        return now[0]

    monkeypatch.setattr("petstream.threads.time.monotonic", clock)
    monkeypatch.setattr("petstream.threads.RESTART_DELAY_S", 0.0)
    thread = start(failing(20, ValueError()))
    deadline = threading.Event()
    for _ in range(1_000):
        if thread.restarts == 20:
            break
        deadline.wait(0.01)
    stop(thread)
    assert (thread.restarts, thread.failed) == (20, False)


def test_join_says_that_a_thread_still_runs() -> None:
    """A loop that does not look at its stop is reported, not waited for."""
    entered, release = threading.Event(), threading.Event()

    def loop(_stop: threading.Event) -> None:
        entered.set()
        release.wait()

    thread = start(loop)
    assert entered.wait(10)
    thread.request_stop()
    assert not thread.join(0.01)
    release.set()
    assert thread.join(10)


def test_thread_that_was_never_started_is_joined_at_once() -> None:
    """Stopping what did not start is no error."""
    thread = SupervisedThread("test", lambda _: None, on_fatal=lambda *_: None)
    thread.request_stop()
    assert thread.join(0)
