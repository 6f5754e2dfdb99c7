"""What waitress leaves open: one connection, the listener that accepts it, the worker threads.

Strategy: subclasses at the places waitress means for it. Everything here but the error task and
the workers runs on the server's own thread.

- Errors that waitress finds itself, such as a body that is too large, are JSON like all others.
- A request has to arrive within a time, however regularly its bytes trickle in.
- After an early answer the connection lingers (RFC 9112 section 9.6): a client that is still
  sending would otherwise be reset before it has read why.
- A response can be detached from its worker (``detached.py``); the connection then has two writers,
  and the lock that waitress has for its buffers keeps them apart.
- A process out of file descriptors pauses instead of spinning on accept().
"""

import contextlib
import errno
import logging
import socket
import threading
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from petstream.logs import RepeatGuard
from petstream.web.detached import Task
from petstream.web.errors import error_body

__all__ = ["REQUEST_DEADLINE_S", "STALL_S", "Channel", "Listener", "Workers"]

logger = logging.getLogger(__name__)

REQUEST_DEADLINE_S = 15.0
STALL_S = 60.0  # a paused video takes nothing; browsers ask again for what is missing

_LINGER_S = 2.0
_LINGER_BYTES = 16 * 1024 * 1024
_ACCEPT_PAUSE_S = 1.0

_MESSAGES = {
    400: "the request is not well-formed HTTP",
    413: "the body is too large",
    431: "the header fields are too large",
    500: "the server failed; its log says why",
    501: "that transfer encoding is not supported",
}


class JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """The answer to a request that waitress itself turns down."""

    def execute(self) -> None:
        """Write the answer and let the connection linger; runs on a worker thread."""
        error = self.request.error
        body = error_body(error.code, _MESSAGES.get(error.code, error.reason.lower()))
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.response_headers.append(("Cache-Control", "no-store"))
        self.response_headers.append(("X-Content-Type-Options", "nosniff"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.channel.linger_on_close = True
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection.

    Attributes:
        linger_on_close: the client may still be sending when the connection is to be closed.
        linger_until: when lingering ends, by time.monotonic(); None while it has not begun.
        detached: the last response is written by another thread, and no request follows it.
    """

    task_class = Task
    error_task_class = JsonErrorTask
    detached = False
    linger_on_close = False
    linger_until: float | None = None
    _lingered_bytes = 0
    _request_began: float | None = None

    def received(self, data: bytes) -> bool:
        """Take bytes of a request, and note when its first one came."""
        if self.detached:
            return False
        if self._request_began is None:
            self._request_began = time.monotonic()
        accepted: bool = super().received(data)
        if self.request is None:
            self._request_began = None
        return accepted

    def is_overdue(self, now: float) -> bool:
        """Whether the connection has had its time, by time.monotonic()."""
        if self.linger_until is not None:
            return now >= self.linger_until
        began = self._request_began
        return self.request is not None and began is not None and now - began > REQUEST_DEADLINE_S

    def cut(self) -> None:
        """Have the connection closed, even if the client takes nothing (any thread).

        A close that waits for the socket to be writable would wait for ever then.
        """
        with self.outbuf_lock, contextlib.suppress(OSError):
            if self.socket is not None:
                self.socket.shutdown(socket.SHUT_RDWR)

    def is_idle(self, now: float) -> bool:
        """Whether there was no request for too long, by time.time()."""
        limit_s: int = self.adj.channel_timeout
        return not (self.requests or self.detached) and now - self.last_activity > limit_s

    def is_stalled(self, now: float) -> bool:
        """Whether the client has taken nothing of its answer for too long, by time.time()."""
        return bool(self.total_outbufs_len) and now - self.last_activity > STALL_S

    def readable(self) -> bool:
        """Lingering reads on, to throw away."""
        if self.linger_until is not None:
            return not self.will_close
        return bool(super().readable())

    def handle_read(self) -> None:
        """Read a part of a request, or of what nobody wants any more."""
        if self.detached:
            with self.outbuf_lock:  # a TLS socket must not be read and written at once
                super().handle_read()
            return
        if self.linger_until is None:
            super().handle_read()
            return
        self._lingered_bytes += len(self.recv(65536))  # closes the channel at the end of file
        if self._lingered_bytes > _LINGER_BYTES:
            self.will_close = True

    def handle_write(self) -> None:
        """Send what is queued, and wake a detached response that waits for room."""
        if not self.detached:
            super().handle_write()
            return
        with self.outbuf_lock:
            super().handle_write()
            self.outbuf_lock.notify_all()

    def handle_close(self) -> None:
        """Close, after lingering if the client may not have read the answer."""
        if self.linger_on_close and self.connected:
            self.linger_on_close = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:  # the client is gone: nothing to linger for
                super().handle_close()
                return
            self.linger_until = time.monotonic() + _LINGER_S
            self.will_close = False
            return
        super().handle_close()

    def handle_expt(self) -> None:
        """Urgent data (TCP) has no meaning in HTTP, and poll() would report it for ever."""
        super().handle_close()


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """One listening socket and its connections."""

    channel_class = Channel
    _paused_until = 0.0
    _guard = RepeatGuard(10.0)

    def readable(self) -> bool:
        """Whether to accept; waitress also does its regular maintenance in here."""
        return bool(super().readable()) and time.monotonic() >= self._paused_until

    def accept(self) -> Any:
        """Accept a connection; out of file descriptors is a reason to wait, not to try again."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            self._paused_until = time.monotonic() + _ACCEPT_PAUSE_S
            if self._guard.check("accept") is not None:
                logger.error("cannot accept a connection: %s", error.strerror)
            return None

    def maintenance(self, now: float) -> None:
        """Close connections that are idle for too long or do not get on with their request."""
        monotonic = time.monotonic()
        for channel in list(self.active_channels.values()):
            if channel.is_stalled(now):
                channel.linger_on_close = False
                channel.handle_close()  # poll() would never call its socket writable
            elif channel.is_overdue(monotonic):
                channel.linger_on_close = False
                channel.will_close = True
            elif channel.is_idle(now):
                channel.will_close = True


class Workers(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The threads that run the application, named after their server."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__()
        self._name = name
        self._started: list[threading.Thread] = []
        self.set_thread_count(count)

    def start_new_thread(self, target: Any, thread_no: int) -> None:
        """Called by waitress for each thread."""
        thread = threading.Thread(
            target=target, name=f"{self._name}-{thread_no}", args=(thread_no,), daemon=True
        )
        self._started.append(thread)
        thread.start()

    def busy(self) -> list[str]:
        """Names of the threads that have not ended."""
        return [thread.name for thread in self._started if thread.is_alive()]

    def join(self, deadline: float) -> None:
        """Wait for threads that have been told to end, until time.monotonic() says so."""
        for thread in self._started:
            thread.join(max(0.0, deadline - time.monotonic()))
