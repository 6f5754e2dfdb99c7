"""GET /health: what the server says of itself.

Strategy: always 200, since a degraded server still answers; a probe that only looks at the status
code asks with ``?strict=1`` and gets 503.
"""

from typing import Final

from flask import Blueprint, Response, jsonify, request

from petstream.web.errors import Refusal
from petstream.web.openapi import Operation, describe, object_of
from petstream.web.service_protocol import Service

__all__ = ["health_routes"]


_YES: Final = ("", "1", "true", "yes")
_NO: Final = ("0", "false", "no")

_HEALTH: Final = object_of(
    {
        "status": {"enum": ["ok", "degraded"]},
        "webrtc_clients": {"type": "integer", "minimum": 0},
        "recording": {"type": "boolean"},
        "has_headers": {"type": "boolean"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    }
)
_DESCRIPTION: Final = Operation(
    "Whether all is well, and if not, why.",
    {200: _HEALTH, 503: _HEALTH},
    parameters=(
        {
            "name": "strict",
            "in": "query",
            "description": "answer 503 unless all is well",
            "schema": {"enum": [*_YES, *_NO]},
        },
    ),
    headers={503: ("Retry-After",)},
)


def health_routes(service: Service) -> Blueprint:
    """The routes of this group."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    @describe(_DESCRIPTION)
    def health() -> Response:
        strict = _strict(request.args.get("strict", "0").lower())
        report = service.health()
        response = jsonify(report)
        if strict and report.get("status") != "ok":
            response.status_code = 503
            response.headers["Retry-After"] = "2"
        return response

    return routes


def _strict(text: str) -> bool:
    if text not in _YES + _NO:
        raise Refusal(400, "strict must be 1 or 0")
    return text in _YES
