"""Calls from the monitor to the server.

Strategy: one short-lived connection for each call, with a time-out. ``call`` takes a whole answer
of bounded size; ``open`` leaves the body to be read bit by bit. Whatever goes wrong on the way is
an UnavailableError, which the page gets as a 503; what the server itself answers is handed on.
"""

import http.client
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Final
from urllib.parse import urlsplit

from petstream.errors import UnavailableError

__all__ = ["Answer", "OpenAnswer", "Upstream"]

_ANSWER_BYTES: Final = 4 * 1024 * 1024
_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time at all, socket(7)


class Answer:
    """What the server answered.

    Attributes:
        status: HTTP status.
        headers: names in any case.
        body: all of it.
    """

    def __init__(self, status: int, headers: HTTPMessage, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class OpenAnswer:
    """An answer whose body is still to be read; close() it."""

    def __init__(self, connection: http.client.HTTPConnection, url: str) -> None:
        """Wait for the head of the answer to the request just made."""
        self._connection = connection
        self._url = url
        self._socket = connection.sock  # getresponse() forgets it if the connection is to close
        self._response = response = connection.getresponse()
        self.status = response.status
        self.headers = response.headers
        self.length: int | None = response.length  # of the body in bytes; None if it is not known

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes of the body, empty at its end; raises UnavailableError."""
        with _as_unavailable(self._url):
            data = self._response.read(size)
            if not data and self._response.length:
                raise http.client.IncompleteRead(data, self._response.length)
        return data

    def read_all(self) -> Answer:
        """The answer with its whole body, which is bounded; raises UnavailableError."""
        body = bytearray()
        while piece := self.read(_ANSWER_BYTES + 1 - len(body)):
            body += piece
        if len(body) > _ANSWER_BYTES:
            message = f"petstream serve at {self._url} sent over {_ANSWER_BYTES} bytes"
            raise UnavailableError(message)
        return Answer(self.status, self.headers, bytes(body))

    def cancel(self) -> None:
        """Make a read() that waits in another thread end now, and the server's write as well.

        A close that is no reset would leave a server that found no room for its data to find out
        by probes, which takes minutes.
        """
        if self._socket is not None:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended already
                return

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()
        self._connection.close()


class Upstream:
    """The server on :8081, as the monitor reaches it; any thread may call it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Remember where it is.

        Args:
            url: scheme, host and port.
            token: the bearer token it asks for, if it does.
        """
        self.url = url
        self._parts = urlsplit(url)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> Answer:
        """Make a call and wait for its whole answer; see open()."""
        answer = self.open(method, path, body=body, headers=headers, timeout_s=timeout_s)
        try:
            return answer.read_all()
        finally:
            answer.close()

    def open(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> OpenAnswer:
        """Make a call and wait for the head of its answer.

        Args:
            method, path: as in HTTP; a query is a part of the path.
            body: None for none.
            headers: beside those of the monitor itself.
            timeout_s: for connecting and for each wait after that.

        Raises:
            UnavailableError: the server is away, too slow, or wants a token that we do not have.
        """
        connection = self._connection(timeout_s)
        try:
            with _as_unavailable(self.url):
                connection.request(method, path, body, {**self._headers, **(headers or {})})
                answer = OpenAnswer(connection, self.url)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                answer.close()
                raise UnavailableError("petstream serve wants a token: give both -auth-token-file")
        except BaseException:
            connection.close()
            raise
        return answer

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout_s)
        return http.client.HTTPConnection(host, port, timeout=timeout_s)


@contextmanager
def _as_unavailable(url: str) -> Iterator[None]:
    """Whatever a connection can fail by, as an error that says so."""
    try:
        yield
    except TimeoutError:
        message = f"petstream serve at {url} did not answer in time"
        raise UnavailableError(message) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        message = f"petstream serve at {url} cannot be reached: {reason}"
        raise UnavailableError(message) from None
