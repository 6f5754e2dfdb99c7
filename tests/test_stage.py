"""A step of the pipeline: on the giver's thread while it keeps up, else on its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from petstream.stage import Stage
from tests.waiting import wait_until


@contextmanager
def running(handle: Callable[[int], None], max_items: int = 100) -> Iterator[Stage[int]]:
    """A stage for numbers."""
    stage = Stage[int](
        "numbers", handle, max_items=max_items, max_bytes=1000, on_fatal=lambda *_: None
    )
    stage.start()
    try:
        yield stage
    finally:
        stage.request_stop()
        assert stage.join(10)


def test_one_item_is_handled_by_whoever_gives_it() -> None:
    """At once: it is done with when give returns."""
    handled: list[tuple[int, str]] = []
    with running(lambda n: handled.append((n, threading.current_thread().name))) as stage:
        assert stage.give(1, 1, more=False)
        assert handled == [(1, threading.current_thread().name)]
        assert not stage.is_behind


def test_many_items_are_handled_beside_their_giver_in_order() -> None:
    """And one that comes behind them waits for its turn."""
    handled: list[int] = []
    threads = set()
    gate = threading.Event()

    def handle(number: int) -> None:
        gate.wait(10)
        threads.add(threading.current_thread().name)
        handled.append(number)

    with running(handle) as stage:
        for number in range(10):
            assert stage.give(number, 1, more=number < 5)
        assert stage.is_behind
        gate.set()
        wait_until(lambda: not stage.is_behind, "the thread")
    assert handled == list(range(10))
    assert threads == {"numbers"}


def test_full_queue_refuses() -> None:
    """At once, and takes items again when there is room."""
    gate = threading.Event()

    def handle(_: int) -> None:
        gate.wait(10)

    with running(handle, max_items=3) as stage:
        taken = [stage.give(number, 1, more=True) for number in range(10)]
        assert 3 <= taken.count(True) <= 4, "the thread may hold one besides the queue"
        gate.set()
        wait_until(lambda: not stage.is_behind, "the thread")
        assert stage.give(10, 1, more=True)


def test_fault_is_the_threads_whoever_met_it() -> None:
    """The giver goes on, the item counts as lost, the thread is entered again for each."""
    handled = []
    fault = ValueError("odd")

    def handle(number: int) -> None:
        if number % 2:
            raise fault
        handled.append(number)

    with running(handle) as stage:
        for restarts, more in ((1, False), (2, True)):
            assert stage.give(1, 1, more=more) is more
            wait_until(lambda: stage.restarts == restarts, "the restart")  # noqa: B023
            assert stage.fault is fault
            assert stage.give(2, 1, more=False)
            wait_until(lambda: not stage.is_behind, "the thread")
    assert handled == [2, 2]


def test_items_behind_a_fault_wait_for_the_thread() -> None:
    """So that a step which always fails is given up after a few, and not after a second's."""
    failed = []

    def handle(number: int) -> None:
        failed.append(number)
        raise ValueError(str(number))

    fatal = threading.Event()
    stage = Stage[int](
        "numbers", handle, max_items=100, max_bytes=100, on_fatal=lambda *_: fatal.set()
    )
    stage.start()
    for number in range(50):
        stage.give(number, 1, more=False)
    assert fatal.wait(10)
    assert stage.failed
    assert failed == list(range(6))


@pytest.mark.parametrize("more", [False, True])
def test_step_that_does_not_end_is_noticed(more: bool) -> None:
    """On the giver's thread as on its own; and one that does is not."""
    gate = threading.Event()

    def handle(_: int) -> None:
        gate.wait(10)

    with running(handle) as stage:
        assert stage.silent_s == 0
        giver = threading.Thread(target=stage.give, args=(1, 1), kwargs={"more": more})
        giver.start()
        wait_until(lambda: stage.silent_s > 0, "the silence")
        gate.set()
        giver.join(10)
        wait_until(lambda: stage.silent_s == 0, "the end")
