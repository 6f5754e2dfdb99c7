"""Answers that a client may ask for in parts (RFC 9110, sections 13 and 14).

Strategy: one range, from the start, to the end, or the last bytes, is what players and download
tools ask for; a header that asks for something else, or makes no sense, is passed over as the RFC
allows, and the whole is sent. The body is read as it is sent, by a worker thread each, so the
number of them is bounded, and the rest of the server always has threads left.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from flask import Request, Response
from werkzeug.http import (
    http_date,
    is_resource_modified,
    parse_if_range_header,
    parse_range_header,
    quote_etag,
)

from petstream.errors import UnavailableError
from petstream.web.errors import Refusal
from petstream.web.service_protocol import Media

__all__ = ["TRANSFERS_MAX", "Transfers", "requested_range", "send_media"]

TRANSFERS_MAX: Final = 16


class Transfers:
    """How many bodies are being sent; any thread."""

    def __init__(self, maximum: int = TRANSFERS_MAX) -> None:
        self._free = threading.BoundedSemaphore(maximum)
        self._maximum = maximum

    def begin(self) -> None:
        """Take a place; raises UnavailableError if there is none."""
        if not self._free.acquire(blocking=False):
            raise UnavailableError(
                f"{self._maximum} recordings are being downloaded, the maximum; try again"
            )

    def end(self) -> None:
        """Give it back."""
        self._free.release()


def requested_range(request: Request, media: Media) -> tuple[int, int] | None:
    """Start and stop of the part that is asked for; None for the whole.

    Raises:
        Refusal: 416, there are not so many bytes.
    """
    ranges = parse_range_header(request.headers.get("Range"))
    if ranges is None or ranges.units != "bytes" or len(ranges.ranges) != 1:
        return None
    condition = parse_if_range_header(request.headers.get("If-Range"))
    if condition.etag is not None and condition.etag != media.etag:
        return None
    if condition.date is not None and int(condition.date.timestamp()) != media.modified_s:
        return None
    start, stop = ranges.ranges[0]
    if start < 0:  # the last bytes; of a shorter file, all
        start = max(0, media.size + start)
    stop = media.size if stop is None else min(stop, media.size)
    if start >= stop:
        headers = {"Content-Range": f"bytes */{media.size}", "Accept-Ranges": "bytes"}
        raise Refusal(416, f"there are only {media.size} bytes", headers)
    return start, stop


def send_media(request: Request, media: Media, transfers: Transfers) -> Response:
    """Answer a GET or HEAD with the media, or the part of it that is asked for; closes it.

    Raises:
        Refusal: 416; UnavailableError: too many are being sent.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(media.close)
        changed = is_resource_modified(
            request.environ,
            etag=quote_etag(media.etag),
            last_modified=http_date(media.modified_s),
        )
        if not changed:
            return _described(Response(status=304), media)
        part = requested_range(request, media)
        start, stop = part or (0, media.size)
        response = Response(status=200 if part is None else 206)
        response.content_length = stop - start
        response.content_type = media.content_type
        if part is not None:
            response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{media.size}"
        if request.method != "HEAD":
            transfers.begin()
            response.response = _Body(media, start, stop, transfers)
            stack.pop_all()  # the body closes it
        return _described(response, media)


def _described(response: Response, media: Media) -> Response:
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Last-Modified"] = http_date(media.modified_s)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(media.etag)
    return response


class _Body:
    """The body, closed by the HTTP server when it is sent or the client is gone (PEP 3333)."""

    def __init__(self, media: Media, start: int, stop: int, transfers: Transfers) -> None:
        self._media = media
        self._transfers = transfers
        self._chunks = media.chunks(start, stop)
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Let go of the media and of the place."""
        if not self._closed:
            self._closed = True
            self._media.close()
            self._transfers.end()
