"""Server-Sent Events: one source, one thread, any number of listeners.

Strategy: a listener's connection is detached from the worker that answered it, so that it costs a
socket and no thread. The stream's thread asks its source for news, and writes each event to all
listeners; it sleeps while there are none. A listener that does not keep up is disconnected, and
comes back by itself, as EventSource does (WHATWG HTML, section 9.2).
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from petstream.threads import SupervisedThread
from petstream.web.detached import ClientGoneError, DetachedResponse

__all__ = ["EventStream"]

HEARTBEAT_S: Final = 10.0  # proxies and phones forget connections on which nothing is said
RETRY_MS: Final = 1000
PENDING_BYTES_MAX: Final = 256 * 1024


class EventStream:
    """Events of one kind, as they happen."""

    def __init__(
        self,
        name: str,
        source: Callable[[], str | None],
        every_s: float,
        on_fatal: Callable[[str, Exception], None],
    ) -> None:
        """Make it; start() begins to ask.

        Args:
            name: of the thread.
            source: gives the data of an event, one line, or None if it has none; called on the
                stream's thread, only while somebody listens. The same data again is no event.
            every_s: how long to wait between two questions.
            on_fatal: see SupervisedThread.
        """
        self._source = source
        self._every_s = every_s
        self._arrived = threading.Condition()
        self._listeners: list[DetachedResponse] = []
        self._newcomers: list[DetachedResponse] = []
        self._data: str | None = None  # of the newest event, for whoever comes now
        self._count = 0
        self._said_at = 0.0
        self._thread = SupervisedThread(name, self._run, on_fatal=on_fatal)

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._listeners) + len(self._newcomers)

    def add(self, response: DetachedResponse) -> None:
        """Write to this response from now on (any thread)."""
        with self._arrived:
            self._newcomers.append(response)
            self._arrived.notify()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout_s: float) -> bool:
        """Let all listeners go and end the thread; False if it still runs."""
        self._thread.request_stop()
        with self._arrived:
            self._arrived.notify()
        ended = self._thread.join(timeout_s)
        for listener in (*self._listeners, *self._newcomers):
            listener.end()
        return ended

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with self._arrived:
                if not self.listeners and not stop.is_set():
                    self._arrived.wait()
                newcomers, self._newcomers = self._newcomers, []
            if self._listeners or newcomers:
                self._round(newcomers)
            with self._arrived:
                self._listeners = [each for each in self._listeners if each.is_open]
                if not self._newcomers and not stop.is_set():
                    self._arrived.wait(self._every_s)

    def _round(self, newcomers: list[DetachedResponse]) -> None:
        """Say what is new; to newcomers, how things are."""
        data = self._source()
        if data is not None and data != self._data:
            self._data = data
            self._count += 1
            self._say(self._event(), self._listeners)
        elif time.monotonic() - self._said_at > HEARTBEAT_S:
            self._say(b": still here\n\n", self._listeners)
        self._say(f"retry: {RETRY_MS}\n\n".encode() + self._event(), newcomers)
        self._listeners += newcomers

    def _event(self) -> bytes:
        if self._data is None:
            return b""
        return f"id: {self._count}\ndata: {self._data}\n\n".encode()

    def _say(self, message: bytes, listeners: list[DetachedResponse]) -> None:
        if listeners is self._listeners:
            self._said_at = time.monotonic()
        for listener in listeners:
            if listener.pending_bytes > PENDING_BYTES_MAX:
                listener.abort()
                continue
            try:
                listener.write(message)
            except ClientGoneError:
                continue  # the next round forgets it
