"""Recording control: POST /start, POST /stop, GET /status.

Strategy: ``curl -X POST`` without header or body must do; a body, if there is one, is checked
key by key, so that a typing error is not a recording in the wrong format.
"""

from typing import Final

from flask import Blueprint, Request, Response, jsonify, request

from petstream.web.body import read_json_object, require_media_type
from petstream.web.errors import Refusal
from petstream.web.openapi import JSON, Operation, describe, object_of
from petstream.web.service_protocol import Service

__all__ = ["recording_routes"]

_PRE_ROLL_MAX_S: Final = 86_400
_START_KEYS = frozenset({"format", "pre_roll_s"})


_COUNT: Final = {"type": "integer", "minimum": 0}
_STATUS: Final = object_of(
    {
        "recording": {"type": "boolean"},
        "filename": {"type": ["string", "null"]},
        "frame_count": _COUNT,
        "bytes_written": _COUNT,
        "duration_ms": _COUNT,
        "start_time": {"type": ["string", "null"], "format": "date-time"},
    }
)
_CHANGED: Final = object_of({"success": {"const": True}, "status": _STATUS})
_START_BODY: Final = {
    "type": "object",
    "properties": {
        "format": {"enum": ["h264", "mp4", None]},
        "pre_roll_s": {"type": ["number", "null"], "minimum": 0, "maximum": _PRE_ROLL_MAX_S},
    },
    "additionalProperties": False,
}
_START: Final = Operation(
    "Start a recording.",
    {200: _CHANGED},
    errors=(409, 415, 503, 507),
    body={JSON: _START_BODY},
)
_STOP: Final = Operation("End the recording.", {200: _CHANGED}, errors=(409, 503))
_READ: Final = Operation("The running recording, or the last one.", {200: _STATUS})


def recording_routes(service: Service) -> Blueprint:
    """The routes of this group."""
    routes = Blueprint("recording", __name__)

    @routes.post("/start")
    @describe(_START)
    def start() -> Response:
        format, pre_roll_s = _start_request(request)
        return jsonify({"success": True, "status": service.start_recording(format, pre_roll_s)})

    @routes.post("/stop")
    @describe(_STOP)
    def stop() -> Response:
        return jsonify({"success": True, "status": service.stop_recording()})

    @routes.get("/status")
    @describe(_READ)
    def status() -> Response:
        return jsonify(service.recording_status())

    return routes


def _start_request(request: Request) -> tuple[str | None, float | None]:
    """Format and pre-roll of a /start; None for what it leaves open."""
    if not request.get_data():
        return None, None
    require_media_type(request, {"application/json", ""})
    body = read_json_object(request)
    unknown = sorted(body.keys() - _START_KEYS)
    if unknown:
        raise Refusal(400, f"unknown key {unknown[0][:40]!r}; known are format and pre_roll_s")
    return _format(body.get("format")), _pre_roll_s(body.get("pre_roll_s"))


def _format(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise Refusal(400, 'the key "format" must be a text')


def _pre_roll_s(value: object) -> float | None:
    if value is None:
        return None
    # bool is an int in Python, not in JSON; an int may be too large for a float.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= _PRE_ROLL_MAX_S
    ):
        raise Refusal(400, 'the key "pre_roll_s" must be a number of seconds from 0 to 86400')
    return float(value)
