"""A client for tests: whole requests with any header, and raw bytes on a socket."""

import http.client
import json
import socket
from dataclasses import dataclass
from http.client import HTTPMessage

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Answer:
    """An answer; header names in any case."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> object:
        """The error code; every error has a message as well."""
        assert self.headers["Content-Type"] == "application/json"
        assert isinstance(self.json["message"], str)
        assert self.json["message"]
        return self.json["error"]


class Client:
    """Calls one port of this machine, a connection for each call."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | dict[str, object] | None = None,
        **headers: str,
    ) -> Answer:
        """Make a call; a dict is sent as JSON, and header names are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            connection.putrequest(method, path, skip_host="Host" in sent)
            for name, value in sent.items():
                connection.putheader(name, value)
            data = body.encode() if isinstance(body, str) else body
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, *parts: bytes) -> Answer:
        """Send bytes as they are and read until the server closes."""
        with self.connect() as sock:
            for part in parts:
                sock.sendall(part)
            return read_answer(sock)

    def connect(self) -> socket.socket:
        """A connection on which nothing has been sent."""
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)


def read_answer(sock: socket.socket) -> Answer:
    """Read one answer from a socket."""
    response = http.client.HTTPResponse(sock)
    try:
        response.begin()
        return Answer(response.status, response.headers, response.read())
    finally:
        response.close()
