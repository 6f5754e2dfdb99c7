"""Requests handed on to the server, and its answers handed back.

Strategy: body, status and the headers that mean something end to end go through unchanged, so that
the page sees the server's own errors, types and validators.
"""

from typing import Final

from flask import Request, Response

from petstream.web.detached import detach
from petstream.web.monitor.transfers import Transfers
from petstream.web.monitor.upstream import Answer, OpenAnswer, Upstream

__all__ = ["QUICK_S", "SLOW_S", "forward", "forward_streamed"]

# Gathering candidates with an unreachable STUN server, and finishing a file, take seconds.
SLOW_S: Final = 10.0
QUICK_S: Final = 2.0

_REQUEST_HEADERS: Final = (
    "Content-Type",
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
)
_RESPONSE_HEADERS: Final = (
    "Accept-Ranges",
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Retry-After",
)


def forward(upstream: Upstream, request: Request, path: str, *, timeout_s: float) -> Response:
    """Make the same call to the server, and give its whole answer."""
    body = request.get_data() if request.method in {"POST", "DELETE"} else None
    answer = upstream.call(
        request.method, path, body=body, headers=_sent(request), timeout_s=timeout_s
    )
    return _respond(answer)


def forward_streamed(
    upstream: Upstream, transfers: Transfers, request: Request, path: str
) -> Response:
    """As forward(), but a body of any size, sent as fast as the browser takes it."""
    transfers.check_room()
    answer = upstream.open(request.method, path, headers=_sent(request), timeout_s=SLOW_S)
    if request.method == "HEAD" or answer.status not in {200, 206}:
        try:
            return _respond(answer.read_all(), answer.headers.get("Content-Length"))
        finally:
            answer.close()
    response = Response(iter(()), answer.status)
    _copy_headers(answer, response)
    detach(request, lambda detached: transfers.begin(answer, detached), answer.length)
    return response


def _sent(request: Request) -> dict[str, str]:
    return {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}


def _respond(answer: Answer, length: str | None = None) -> Response:
    response = Response(answer.body, answer.status)
    _copy_headers(answer, response)
    if length is not None and not answer.body:  # of HEAD: that of the body which is not sent
        response.headers["Content-Length"] = length
    return response


def _copy_headers(answer: Answer | OpenAnswer, response: Response) -> None:
    response.headers["Content-Type"] = "application/octet-stream"  # unless it says what it is
    for name in _RESPONSE_HEADERS:
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
