"""Every answer that is not a success, as JSON: ``{"error": "<code>", "message": "<text>"}``.

Strategy: routes raise. What is raised decides the answer: an error of ``petstream.errors`` by its
class, a Refusal by what it says, one of werkzeug's by its status, and anything else is a 500 that
is logged in full and tells the caller nothing.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from petstream.errors import PetstreamError

__all__ = ["Refusal", "error_body", "error_response", "install_error_handlers"]

logger = logging.getLogger(__name__)

# RFC 9110 section 15.6.4: a client that comes back sooner finds the same state.
_RETRY_AFTER_S = 2

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    409: "conflict",
    411: "length_required",
    412: "precondition_failed",
    413: "body_too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    421: "misdirected_request",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_implemented",
    503: "unavailable",
    507: "no_space",
}


class Refusal(Exception):
    """A request that a route or a check turns down.

    Attributes:
        status: HTTP status; it decides the error code as well.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def error_body(status: int, message: str, code: str | None = None) -> bytes:
    """The JSON body of an error; the code follows from the status unless given."""
    shown = code or _CODES.get(status, "error")
    return json.dumps({"error": shown, "message": message}).encode("ascii") + b"\n"


def error_response(
    status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as a response; 503 always says when to come back."""
    response = Response(error_body(status, message, code), status, mimetype="application/json")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    response.headers.update(headers or {})
    return response


def install_error_handlers(app: Flask) -> None:
    """Make an application answer every error as described above."""
    app.register_error_handler(Refusal, _answer_refusal)
    app.register_error_handler(PetstreamError, _answer_petstream_error)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(Exception, _answer_unexpected)


def _answer_refusal(error: Refusal) -> Response:
    return error_response(error.status, str(error), headers=error.headers)


def _answer_petstream_error(error: PetstreamError) -> Response:
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s %s failed: %s", request.method, request.path, error)
    return error_response(error.status, str(error), error.code, headers)


def _answer_http_exception(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    status = error.code
    message = HTTPStatus(status).description or HTTPStatus(status).phrase
    kept = {name: value for name, value in error.get_headers() if name == "Allow"}
    return error_response(status, message.lower(), headers=kept)


def _answer_unexpected(error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return error_response(500, "the server failed; its log says why")
