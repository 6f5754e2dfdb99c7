"""A thread that carries out calls one after another, and has something to do in between.

Strategy: whatever may wait for a disk or a decoder happens here, so that a caller waits no longer
than it is willing to, two calls never meet, and no lock is held over I/O.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeVar, cast

from petstream.recording.mailbox import Mailbox
from petstream.threads import SupervisedThread

__all__ = ["CallThread"]

Answer = TypeVar("Answer")


ROUND_S: Final = 5.0  # what a call may take: more than its caller waits


class CallThread:
    """``ask``, ``wake`` and the rest from any thread.

    Attributes:
        thread: the thread itself.
    """

    def __init__(
        self,
        name: str,
        owner: str,
        *,
        on_fatal: Callable[[str, Exception], None],
        between: Callable[[], None] = lambda: None,
        between_s: float = 5.0,
    ) -> None:
        """Make it; nothing is started.

        Args:
            name: of the thread.
            owner: who answers, in messages.
            on_fatal: called with the thread's name and exception when it failed too often.
            between: done there at the start, after each ``wake`` or call, and every ``between_s``.
            between_s: how long nothing happens at most.
        """
        self._mailbox = Mailbox[object](owner)
        self._wake = threading.Event()
        self._between = between
        self._between_s = between_s
        self.thread = SupervisedThread(
            name, self._run, on_fatal=on_fatal, period_s=between_s + ROUND_S
        )

    def start(self) -> None:
        """Begin to answer."""
        self.thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread; False if it still runs after the time-out."""
        self.thread.request_stop()
        self._wake.set()
        return self.thread.join(timeout_s)

    def ask(self, action: Callable[[], Answer], timeout_s: float = 5.0) -> Answer:
        """Have ``action`` carried out there, and return what it returns.

        Raises:
            UnavailableError: no answer in time; the action may have an effect later.
            PetstreamError: whatever the action raised.
        """
        return cast(Answer, self._mailbox.ask(action, wake=self.wake, timeout_s=timeout_s))

    def wake(self) -> None:
        """Do what is to be done in between now."""
        self._wake.set()

    def _run(self, stop: threading.Event) -> None:
        self._mailbox.open()
        while not stop.is_set():
            self._wake.clear()
            self._mailbox.serve()
            self._between()
            self._wake.wait(self._between_s)
        self._mailbox.refuse()
