"""The event loop that aiortc lives on: one thread, watched from outside and from within.

Strategy: the thread is supervised like every other; each time it is entered it makes a fresh loop
and runs one main coroutine. Other threads leave callbacks in a deque and ring an eventfd(2), which
costs less than ``call_soon_threadsafe`` on either side. A heartbeat on the loop says how late it
is, so that a blocked loop can be told from an idle one by whoever asks from another thread. A fault
in what all viewers share ends the loop, and is told and counted by the supervisor; a stray one of a
single connection is only logged and counted, because it must not reach the others.
"""

import asyncio
import concurrent.futures
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from petstream.errors import UnavailableError
from petstream.logs import RepeatGuard
from petstream.threads import SupervisedThread

__all__ = ["EventLoopThread", "next_beat"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
HEARTBEAT_S: Final = 0.25


async def next_beat() -> None:
    """Sleep until the next beat, which is one moment for all who do: the loop wakes up once."""
    await asyncio.sleep(HEARTBEAT_S - asyncio.get_running_loop().time() % HEARTBEAT_S)


class EventLoopThread:
    """An event loop on a thread of its own, until it is stopped.

    Attributes:
        stray_errors: exceptions that no task awaited.
    """

    def __init__(
        self,
        name: str,
        setup: Callable[[asyncio.AbstractEventLoop], None],
        teardown: Callable[[], Awaitable[None]],
        *,
        on_fatal: Callable[[str, Exception], None],
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            name: of the thread.
            setup: called on the loop before anything else, each time the thread is entered.
            teardown: awaited on the loop before it ends, however it ends.
            on_fatal: see SupervisedThread.
            new_loop: makes the loop, each time the thread is entered.
        """
        self.thread = SupervisedThread(name, self._run, on_fatal=on_fatal)
        self._new_loop = new_loop
        self._setup = setup
        self._teardown = teardown
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ident: int | None = None  # of the thread that has run the loop last
        self._beat = time.monotonic()
        self._failure: Exception | None = None  # of a callback given to call_soon
        self._callbacks: deque[Callable[[], None]] = deque()
        self._bell: int | None = None  # eventfd; None while there is no loop
        self._bell_lock = threading.Lock()  # so that nobody rings a descriptor that was closed
        self.stray_errors = 0
        self._stray_guard = RepeatGuard(1.0)

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Tear down and end the loop; False if the thread still runs after the time-out."""
        self.thread.request_stop()
        return self.thread.join(timeout_s)

    @property
    def blocked_s(self) -> float:
        """For how long the loop has not come round (any thread); 0 while it does."""
        late = time.monotonic() - self._beat - HEARTBEAT_S
        return late if late > HEARTBEAT_S else 0.0

    def tasks(self) -> "set[asyncio.Task[Any]]":
        """Every task of the loop (any thread)."""
        loop = self._loop
        return set() if loop is None else asyncio.all_tasks(loop)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` on the loop (any thread); forgotten if there is no loop now.

        An exception in it ends the loop, which the supervisor starts again.
        """
        with self._bell_lock:
            if self._bell is not None:
                self._callbacks.append(callback)
                os.eventfd_write(self._bell, 1)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Run ``callback`` on the loop in so many seconds (any thread); see ``call_soon``."""
        if threading.get_ident() == self._ident:
            asyncio.get_running_loop().call_later(delay_s, callback)
        elif delay_s:
            self.call_soon(lambda: self.call_later(delay_s, callback))
        else:
            self.call_soon(callback)

    def fail(self, error: Exception) -> None:
        """End the loop by this error, which was met on its behalf (any thread)."""

        def fail() -> None:
            raise error

        self.call_soon(fail)

    def call(self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run ``coroutine`` on the loop and wait for its result (any other thread).

        Raises:
            UnavailableError: there is no loop, or it did not answer in time.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            coroutine.close()
            raise UnavailableError("the event loop is not running; try again in a second")
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError as exc:  # closed since
            coroutine.close()
            raise UnavailableError("the event loop is not running; try again in a second") from exc
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError as exc:
            future.cancel()
            raise UnavailableError(
                f"the event loop did not answer within {timeout_s:.0f} s"
            ) from exc
        except concurrent.futures.CancelledError as exc:
            raise UnavailableError("the event loop is shutting down") from exc

    def _answer(self, bell: int) -> None:
        os.eventfd_read(bell)
        while self._callbacks:
            try:
                self._callbacks.popleft()()
            except Exception as exc:  # noqa: BLE001 - kept, and raised in _main
                self._failure = exc

    def _run(self, stop: threading.Event) -> None:
        self._beat = time.monotonic()
        self._failure = None
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.get_loop().set_exception_handler(self._on_stray_error)
            runner.run(self._main(stop, runner.get_loop()))

    async def _main(self, stop: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        self._ident = threading.get_ident()
        self._setup(loop)
        bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        loop.add_reader(bell, self._answer, bell)
        self._loop, self._bell = loop, bell
        try:
            while not stop.is_set():
                self._beat = time.monotonic()
                if self._failure is not None:
                    raise self._failure
                await next_beat()
        finally:
            self._loop = None
            loop.remove_reader(bell)
            with self._bell_lock:
                self._bell = None
                self._callbacks.clear()
                os.close(bell)
            await self._teardown()

    def _on_stray_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.stray_errors += 1
        repeats = self._stray_guard.check(context["message"])
        if repeats is not None:
            logger.error(
                "%s (%d more since)",
                context["message"],
                repeats,
                exc_info=context.get("exception"),
            )
