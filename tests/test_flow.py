"""The bounded queue between two threads."""

import threading

import pytest

from petstream.flow import BoundedQueue


def make(max_items: int = 3, max_bytes: int = 100) -> BoundedQueue[str]:
    """A small queue."""
    return BoundedQueue[str](max_items=max_items, max_bytes=max_bytes)


def test_items_come_in_order() -> None:
    """First in, first out."""
    queue = make()
    assert all(queue.put(item, 1) for item in "abc")
    assert [queue.get(0) for _ in range(3)] == ["a", "b", "c"]


def test_one_item_too_many_is_refused_at_once() -> None:
    """A full queue says no, and takes the next item when there is room again."""
    queue = make()
    assert [queue.put(item, 1) for item in "abcd"] == [True, True, True, False]
    assert queue.get(0) == "a"
    assert queue.put("e", 1)
    assert [queue.get(0) for _ in range(4)] == ["b", "c", "e", None]


def test_bytes_are_bounded_too() -> None:
    """Up to the bound an item fits, one byte more does not."""
    queue = make()
    assert queue.put("a", 60)
    assert not queue.put("b", 41)
    assert queue.put("c", 40)


def test_item_over_the_byte_bound_passes_an_empty_queue() -> None:
    """Else it could never pass at all."""
    queue = make()
    assert queue.put("huge", 1_000)
    assert not queue.put("a", 1)
    assert queue.usage_percent == 100
    assert queue.get(0) == "huge"
    assert queue.put("a", 1)


def test_usage_is_that_of_the_nearer_bound() -> None:
    """By items or by bytes, whichever is fuller."""
    queue = make(max_items=4)
    queue.put("a", 10)
    assert (queue.usage_percent, len(queue)) == (25, 1)
    queue.put("b", 80)
    assert (queue.usage_percent, len(queue)) == (90, 2)


def test_empty_queue_is_waited_for_as_long_as_asked() -> None:
    """The time-out ends the wait, and 0 does not wait."""
    assert make().get(0) is None
    assert make().get(0.01) is None


@pytest.mark.parametrize("end", ["put", "wake"])
def test_waiting_get_ends(end: str) -> None:
    """An item or a wake ends a wait without a time-out."""
    queue = make()
    got: list[str | None] = []
    thread = threading.Thread(target=lambda: got.append(queue.get()))
    thread.start()
    if end == "put":
        queue.put("a", 1)
    else:
        queue.wake()
    thread.join(10)
    assert got == ["a" if end == "put" else None]


def test_wake_leaves_items_alone() -> None:
    """A queue with something in it needs no waking; nothing is lost or counted twice."""
    queue = make()
    queue.put("a", 1)
    queue.wake()
    assert queue.get(0) == "a"
    assert queue.get(0) is None
    assert len(queue) == 0


def test_clear_counts_what_it_threw_away() -> None:
    """A wake that still waits is no item."""
    queue = make()
    queue.wake()
    queue.put("a", 50)
    queue.put("b", 50)
    assert queue.clear() == 2
    assert queue.usage_percent == 0
    assert queue.put("c", 100)
