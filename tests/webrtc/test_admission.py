"""Slots for viewers: never more than the limit, and each given back once."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import TooManyViewersError
from petstream.webrtc.admission import Admission, Slot


def test_limit_is_refused_with_its_number() -> None:
    """One more than the limit is a 503 that says how many there are and what to do."""
    admission = Admission(2)
    taken = [admission.take(), admission.take()]
    with pytest.raises(TooManyViewersError, match=r"2 viewers .* -max-clients") as caught:
        admission.take()
    assert caught.value.status == 503
    assert caught.value.retry_after_s > 0
    taken[0].give_back()
    assert admission.taken == 1
    admission.take()


def test_a_slot_is_given_back_once() -> None:
    """Giving back twice does not let two in."""
    admission = Admission(3)
    slot = admission.take()
    admission.take()
    for _ in range(3):
        slot.give_back()
    assert admission.taken == 1


def test_nobody_is_let_in_at_limit_zero() -> None:
    """A limit of zero admits nobody."""
    with pytest.raises(TooManyViewersError):
        Admission(0).take()


def test_threads_never_get_more_than_the_limit() -> None:
    """Sixteen threads that take and give back: never more than ten are in at once."""
    admission = Admission(10)
    inside = threading.Semaphore(10)
    overfull: list[str] = []
    start = threading.Barrier(16)

    def come_and_go() -> None:
        start.wait()
        for _ in range(2000):
            try:
                slot = admission.take()
            except TooManyViewersError:
                continue
            if inside.acquire(blocking=False):
                time.sleep(0)  # let another thread run while this one is inside
                inside.release()
            else:
                overfull.append(threading.current_thread().name)
            slot.give_back()

    threads = [threading.Thread(target=come_and_go) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not overfull
    assert admission.taken == 0


@given(st.integers(1, 4), st.lists(st.one_of(st.just("take"), st.integers(0, 9)), max_size=60))
def test_count_is_slots_that_are_out(limit: int, steps: list[str | int]) -> None:
    """Whatever is taken and given back in whatever order: the count is what is out."""
    admission = Admission(limit)
    every: list[Slot] = []
    out: set[Slot] = set()
    for step in steps:
        if step == "take":
            try:
                every.append(admission.take())
            except TooManyViewersError:
                assert len(out) == limit
            else:
                out.add(every[-1])
        elif isinstance(step, int) and every:
            slot = every[step % len(every)]
            slot.give_back()
            out.discard(slot)
        assert admission.taken == len(out) <= limit
