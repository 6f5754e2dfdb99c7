"""Calls into a thread that works: asked from any thread, carried out by one, answered in time.

Strategy: the caller leaves an action in a bounded queue and waits for its answer, not for ever.
Whoever first settles the answer, the thread with a result or the caller by giving up, has settled
it for both: a result that comes too late is undone. So no lock is ever held over what an action
does.
"""

import queue
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from petstream.errors import PetstreamError, UnavailableError

__all__ = ["Mailbox"]

Answer = TypeVar("Answer")

WAITING_MAX: Final = 256  # callers at a time


@dataclass(frozen=True, slots=True)
class _Request(Generic[Answer]):
    action: Callable[[], Answer]
    undo: Callable[[], None]
    answer: Future[Answer]


class Mailbox(Generic[Answer]):
    """``ask`` from any thread; the rest from the thread that owns it."""

    def __init__(self, owner: str) -> None:
        self._owner = owner  # for messages
        self._requests: queue.SimpleQueue[_Request[Answer]] = queue.SimpleQueue()
        self._refusing = False  # the owner has stopped, and will not look again

    def ask(
        self,
        action: Callable[[], Answer],
        *,
        undo: Callable[[], None] = lambda: None,
        wake: Callable[[], None],
        timeout_s: float,
    ) -> Answer:
        """Have ``action`` carried out and return what it returns.

        Args:
            action: carried out by the owner's thread.
            undo: carried out there after it, if the caller has given up meanwhile.
            wake: called once the action is in the queue.
            timeout_s: how long to wait.

        Raises:
            UnavailableError: no answer in time, or too many callers; the action has no effect.
            PetstreamError: whatever the action raised.
        """
        request = _Request(action, undo, Future[Answer]())
        if self._requests.qsize() >= WAITING_MAX:  # callers at the same moment may exceed it
            raise UnavailableError(
                f"{self._owner} has {WAITING_MAX} callers waiting, the maximum; try again"
            )
        self._requests.put(request)
        if self._refusing:
            # The owner may have looked for the last time before the request was there.
            self._refuse_all()
        wake()
        try:
            return request.answer.result(timeout_s)
        except TimeoutError:
            if request.answer.cancel():
                raise UnavailableError(
                    f"{self._owner} did not answer within {timeout_s:g} s; is the disk hanging?"
                ) from None
            return request.answer.result(0)

    def serve(self) -> None:
        """Carry out what waits, in order; a fault that is no PetstreamError is raised again."""
        while (request := self._next()) is not None:
            if request.answer.cancelled():
                continue
            try:
                answer = request.action()
            except PetstreamError as error:
                _settle_error(request, error)
            except BaseException as error:
                _settle_error(request, UnavailableError(f"{self._owner} failed: {error!r}"))
                raise
            else:
                _settle(request, answer)

    def open(self) -> None:
        """Take requests again."""
        self._refusing = False

    def refuse(self) -> None:
        """Answer everything that waits, or comes from now on, with an UnavailableError."""
        self._refusing = True
        self._refuse_all()

    def _refuse_all(self) -> None:
        while (request := self._next()) is not None:
            _settle_error(request, UnavailableError(f"{self._owner} has stopped"))

    def _next(self) -> _Request[Answer] | None:
        if self._requests.empty():  # the owner asks before each access unit: cheaper than to try
            return None
        try:
            return self._requests.get_nowait()
        except queue.Empty:
            return None


def _settle(request: _Request[Answer], answer: Answer) -> None:
    try:
        request.answer.set_result(answer)
    except InvalidStateError:
        request.undo()


def _settle_error(request: _Request[Answer], error: PetstreamError) -> None:
    try:
        request.answer.set_exception(error)
    except InvalidStateError:
        return  # the caller has given up; nothing was done that needs undoing
