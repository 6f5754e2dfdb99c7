"""Admitting viewers: POST /offer, and WHEP (draft-ietf-wish-whep, on top of RFC 9725).

Strategy: the routes check form and type, the service does the rest. An SDP is handed on as text.
"""

from typing import Final

from flask import Blueprint, Response, jsonify, request

from petstream.web.body import read_json_object, read_text, require_media_type
from petstream.web.errors import Refusal
from petstream.web.openapi import JSON, Operation, describe, object_of
from petstream.web.service_protocol import Service

__all__ = ["signaling_routes"]

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"  # RFC 8840 section 9.2


_TEXT: Final = {"type": "string"}
_OFFER: Final = Operation(
    "Watch: an SDP offer, answered with candidates in the answer.",
    {200: object_of({"type": {"const": "answer"}, "sdp": _TEXT})},
    errors=(406, 415, 503),
    body={JSON: object_of({"type": {"const": "offer"}, "sdp": _TEXT})},
    body_required=True,
    headers={503: ("Retry-After",)},
)
_CREATE: Final = Operation(
    "Watch by WHEP: an SDP offer; the session is named by Location.",
    {201: _SDP},
    errors=(406, 415, 503),
    body={_SDP: _TEXT},
    body_required=True,
    headers={201: ("Location", "ETag", "Accept-Patch"), 503: ("Retry-After",)},
)
_TRICKLE: Final = Operation(
    "Add candidates to a WHEP session.",
    {204: None},
    errors=(404, 412, 415, 503),
    body={_FRAGMENT: _TEXT},
    body_required=True,
    parameters=({"name": "If-Match", "in": "header", "schema": _TEXT},),
)
_DELETE: Final = Operation("End a WHEP session.", {200: None, 204: None}, errors=(404, 503))


def signaling_routes(service: Service) -> Blueprint:
    """The routes of this group."""
    routes = Blueprint("signaling", __name__)

    @routes.post("/offer")
    @describe(_OFFER)
    def offer() -> Response:
        require_media_type(request, {"application/json"})
        sdp = _offered_sdp(read_json_object(request))
        session = service.admit(sdp)
        return jsonify({"type": "answer", "sdp": session.answer, "rtp_offset": session.rtp_offset})

    @routes.post("/whep", provide_automatic_options=False)
    @describe(_CREATE)
    def whep_create() -> Response:
        require_media_type(request, {_SDP})
        session = service.admit(read_text(request))
        response = Response(session.answer, 201, mimetype=_SDP)
        response.headers["Location"] = f"/whep/{session.id}"
        response.headers["Accept-Patch"] = _FRAGMENT
        response.set_etag(session.etag)
        for link in service.ice_links():
            response.headers.add("Link", link)
        return response

    @routes.route("/whep", methods=["OPTIONS"])
    def whep_options() -> Response:
        response = Response(status=204)
        response.headers["Allow"] = "OPTIONS, POST"
        response.headers["Accept-Post"] = _SDP
        return response

    @routes.patch("/whep/<viewer_id>")
    @describe(_TRICKLE)
    def whep_trickle(viewer_id: str) -> Response:
        require_media_type(request, {_FRAGMENT})
        service.whep_trickle(viewer_id, read_text(request), _session_tag())
        return Response(status=204)

    @routes.delete("/whep/<viewer_id>")
    @describe(_DELETE)
    def whep_delete(viewer_id: str) -> Response:
        service.whep_delete(viewer_id)
        return jsonify({"success": True})

    return routes


def _offered_sdp(body: dict[str, object]) -> str:
    if body.get("type") != "offer":
        raise Refusal(400, 'the key "type" must be "offer"')
    sdp = body.get("sdp")
    if not isinstance(sdp, str) or not sdp.strip():
        raise Refusal(400, 'the key "sdp" must be a text')
    # A lone surrogate escape is valid JSON, but no text that could be sent anywhere.
    if any("\ud800" <= character <= "\udfff" for character in sdp):
        raise Refusal(400, 'the key "sdp" holds a lone surrogate')
    return sdp


def _session_tag() -> str | None:
    """The entity tag of If-Match; None if there is none, or ``*`` or several."""
    tags = request.if_match.as_set()
    return tags.pop() if len(tags) == 1 else None
