"""GET /viewers: who watches, and how well it reaches them."""

from dataclasses import asdict
from typing import Final

from flask import Blueprint, Response, jsonify

from petstream.web.openapi import Operation, describe, object_of
from petstream.web.service_protocol import Service

__all__ = ["viewer_routes"]


_VIEWER: Final = object_of(
    {
        "id": {"type": "string"},
        "state": {"enum": ["connecting", "connected"]},
        "sent": {"type": "integer", "minimum": 0},
        "dropped": {"type": "integer", "minimum": 0},
    }
)
_LIST: Final = Operation(
    "Who watches, and how well it reaches them.",
    {200: object_of({"viewers": {"type": "array", "items": _VIEWER}})},
)


def viewer_routes(service: Service) -> Blueprint:
    """The routes of this group."""
    routes = Blueprint("viewers", __name__)

    @routes.get("/viewers")
    @describe(_LIST)
    def viewers() -> Response:
        return jsonify({"viewers": [asdict(viewer) for viewer in service.viewers()]})

    return routes
