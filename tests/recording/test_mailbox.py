"""Calls into the recorder thread."""

import threading

import pytest

from petstream.errors import NotRecordingError, UnavailableError
from petstream.recording.mailbox import WAITING_MAX, Mailbox


def nothing() -> None:
    """Wake nobody."""


def test_an_answer_that_comes_in_time_is_kept() -> None:
    """The caller gets what the action returns, and it is not undone."""
    mailbox = Mailbox[int]("the owner")
    undone: list[int] = []
    answer = mailbox.ask(lambda: 7, undo=lambda: undone.append(1), wake=mailbox.serve, timeout_s=0)
    assert (answer, undone) == (7, [])


def test_an_error_goes_to_the_caller() -> None:
    """What the action raises on purpose is raised where it was asked for, and only there."""

    def refuse() -> int:
        raise NotRecordingError("no recording runs")

    mailbox = Mailbox[int]("the owner")
    with pytest.raises(NotRecordingError, match="no recording runs"):
        mailbox.ask(refuse, wake=mailbox.serve, timeout_s=0)


def test_a_fault_goes_to_both() -> None:
    """A fault in the action is told to the caller and raised in the thread that met it."""

    def fail() -> int:
        raise ZeroDivisionError

    mailbox = Mailbox[int]("the owner")
    met: list[BaseException] = []

    def serve() -> None:
        try:
            mailbox.serve()
        except ZeroDivisionError as error:
            met.append(error)

    with pytest.raises(UnavailableError, match=r"the owner failed: ZeroDivisionError\(\)"):
        mailbox.ask(fail, wake=serve, timeout_s=0)
    assert len(met) == 1


def test_an_action_nobody_waits_for_is_not_begun() -> None:
    """A caller who gave up before the thread looked leaves no trace."""
    mailbox = Mailbox[int]("the owner")
    done: list[int] = []

    def act() -> int:
        done.append(1)
        return 1

    with pytest.raises(UnavailableError, match="did not answer within 0 s"):
        mailbox.ask(act, wake=nothing, timeout_s=0)
    mailbox.serve()
    assert done == []


def test_an_action_that_ends_too_late_is_undone() -> None:
    """A caller who gave up while the thread was at it has its effect taken back."""
    mailbox = Mailbox[str]("the owner")
    events: list[str] = []
    begun, given_up = threading.Event(), threading.Event()

    def act() -> str:
        begun.set()
        assert given_up.wait(10)
        events.append("done")
        return "done"

    def call() -> None:
        with pytest.raises(UnavailableError):
            mailbox.ask(act, undo=lambda: events.append("undone"), wake=nothing, timeout_s=0.1)
        given_up.set()

    caller = threading.Thread(target=call, name="caller")
    caller.start()
    while not begun.is_set():
        mailbox.serve()
    caller.join()
    assert events == ["done", "undone"]


def test_callers_are_bounded() -> None:
    """One caller more than the queue holds is refused at once."""
    mailbox = Mailbox[int]("the owner")
    for _ in range(WAITING_MAX):
        with pytest.raises(UnavailableError, match="did not answer"):
            mailbox.ask(lambda: 1, wake=nothing, timeout_s=0)
    with pytest.raises(UnavailableError, match="has 256 callers waiting, the maximum"):
        mailbox.ask(lambda: 1, wake=nothing, timeout_s=0)
    mailbox.serve()
    assert mailbox.ask(lambda: 1, wake=mailbox.serve, timeout_s=0) == 1


def test_an_owner_that_stops_says_so() -> None:
    """Whoever waits when the thread ends is answered."""
    mailbox = Mailbox[int]("the owner")
    with pytest.raises(UnavailableError, match="the owner has stopped"):
        mailbox.ask(lambda: 1, wake=mailbox.refuse, timeout_s=0)
    with pytest.raises(UnavailableError, match="the owner has stopped"):
        mailbox.ask(lambda: 1, wake=nothing, timeout_s=60)
    mailbox.open()
    assert mailbox.ask(lambda: 1, wake=mailbox.serve, timeout_s=0) == 1
