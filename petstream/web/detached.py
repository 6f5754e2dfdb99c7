"""Responses that go on after their worker thread has turned to the next request.

Strategy: waitress keeps a worker for a response until its last byte is queued, so that a few slow
readers, or a few event streams, would take them all. A route that calls ``detach`` has its status
and headers sent by the worker as ever; the body is then written by whoever was given the response.
The connection stays in waitress' poll loop, which sends what the socket did not take at once,
notices that the client has gone, and closes a connection on which nothing moves.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from flask import Request
from waitress.channel import ClientDisconnected
from waitress.task import WSGITask

__all__ = ["ClientGoneError", "DetachedResponse", "Task", "detach"]

_KEY: Final = "petstream.detach"


class ClientGoneError(Exception):
    """The client has closed the connection, or it was closed because nothing moved on it."""


class DetachedResponse:
    """The body of a response whose headers are sent; one thread at a time writes it."""

    def __init__(self, task: "Task") -> None:
        self._task = task
        self._channel: Any = task.channel

    @property
    def is_open(self) -> bool:
        """The client is still there."""
        return bool(self._channel.connected)

    @property
    def pending_bytes(self) -> int:
        """Written, and not yet taken by the socket."""
        return int(self._channel.total_outbufs_len)

    def write(self, data: bytes) -> None:
        """Send a part of the body, without waiting for a slow client; raises ClientGoneError."""
        try:
            self._task.write(data)
        except ClientDisconnected:
            raise ClientGoneError from None

    def wait_for_room(self, limit_bytes: int) -> None:
        """Wait until no more than so much is pending; raises ClientGoneError.

        The poll loop closes a connection on which nothing moves, so that this ends.
        """
        channel = self._channel
        with channel.outbuf_lock:
            channel.outbuf_lock.wait_for(
                lambda: not channel.connected or channel.total_outbufs_len <= limit_bytes
            )
        if not channel.connected:
            raise ClientGoneError

    def end(self) -> None:
        """The body is complete; close once it is sent."""
        try:
            if self._task.chunked_response:
                self._channel.write_soon(b"0\r\n\r\n")  # RFC 9112 section 7.1: the last chunk
        except ClientDisconnected:
            return
        self._channel.close_when_flushed = True
        self._channel.server.pull_trigger()

    def abort(self) -> None:
        """Close at once, so that the client sees that the body is not complete."""
        self._channel.cut()


class Task(WSGITask):  # type: ignore[misc]
    """The answer to a request by the application; runs on a worker thread."""

    _begin: Callable[[DetachedResponse], None] | None = None
    _length: int | None = None

    def get_environment(self) -> Any:
        """The WSGI environment, with what a route needs to detach its response."""
        environ = super().get_environment()
        environ[_KEY] = self._detach
        return environ

    def finish(self) -> None:
        """End the response, or send its headers and hand it over."""
        if self._begin is None:
            super().finish()
            return
        self.content_length = self._length
        self.set_close_on_finish()
        self.channel.detached = True
        with contextlib.suppress(ClientDisconnected):  # whoever writes the body is told
            self.write(b"")
        self.close_on_finish = False  # it closes when the body says so
        self._begin(DetachedResponse(self))

    def _detach(self, begin: Callable[[DetachedResponse], None], length: int | None) -> None:
        self._begin, self._length = begin, length


def detach(
    request: Request, begin: Callable[[DetachedResponse], None], length: int | None = None
) -> None:
    """Make the response to ``request`` one that goes on; the route returns it without a body.

    Args:
        request: that of the running route, served by HttpServer.
        begin: called on the worker thread once the headers are sent; returns soon.
        length: of the body in bytes, for Content-Length; None if it has no known end.
    """
    request.environ[_KEY](begin, length)
