"""GET /clock: what a page needs to say when the picture that it shows was captured.

Strategy: RTP time is capture time at 90 kHz, from an offset that is each viewer's own. The answer
to an offer names that offset; here is one pair of RTP time and capture time, and the reading of
the clock that capture times are taken from, so that a page can find its own clock's distance from
it by the shortest round trip (Cristian's algorithm). An RTP timestamp is all that every browser
tells of a displayed picture (requestVideoFrameCallback); sender reports it keeps to itself.
"""

from typing import Final

from flask import Blueprint, Response, jsonify

from petstream.web.openapi import Operation, describe
from petstream.web.service_protocol import Service

__all__ = ["clock_routes"]


_CLOCK: Final = Operation(
    "The capture clock now, and a pair of RTP time and capture time.",
    {200: {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}},
)


def clock_routes(service: Service) -> Blueprint:
    """The routes of this group."""
    routes = Blueprint("clock", __name__)

    @routes.get("/clock")
    @describe(_CLOCK)
    def clock() -> Response:
        return jsonify(service.clock())

    return routes
