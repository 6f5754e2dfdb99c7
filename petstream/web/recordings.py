"""What has been recorded: list, play, download, protect and remove; still pictures.

Strategy: the routes check the question and word the answer; names, files and pictures are the
service's business. A recording opened in a browser plays there, so that its answer allows media
where all other answers of this port allow nothing.
"""

from typing import Final

from flask import Blueprint, Response, jsonify, request

from petstream.web.body import read_json_object, require_media_type
from petstream.web.errors import Refusal
from petstream.web.openapi import JSON, Operation, describe, object_of
from petstream.web.partial import Transfers, send_media
from petstream.web.service_protocol import Service

__all__ = ["recordings_routes"]

# The page that a browser makes round a video it is sent to directly.
_MEDIA_POLICY = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"


_VIDEO: Final = ("video/H264", "video/mp4")
_RECORDING: Final = object_of({"name": {"type": "string"}})
_LIST: Final = Operation(
    "All recordings, the newest first.",
    {200: object_of({"recordings": {"type": "array", "items": _RECORDING}})},
    errors=(503,),
)
_MEDIA: Final = Operation(
    "A recording's bytes, or a range of them.",
    {200: _VIDEO, 206: _VIDEO, 304: None},
    errors=(404, 416, 503),
    parameters=(
        {"name": "format", "in": "query", "schema": {"enum": ["mp4"]}},
        {"name": "download", "in": "query", "schema": {"type": "string"}},
        {"name": "Range", "in": "header", "schema": {"type": "string"}},
    ),
)
_DELETE: Final = Operation(
    "Remove a recording.",
    {200: object_of({"success": {"const": True}})},
    errors=(404, 409, 503),
)
_PROTECT: Final = Operation(
    "Keep a recording whatever happens, or no longer.",
    {200: object_of({"success": {"const": True}, "recording": _RECORDING})},
    errors=(404, 409, 415, 503),
    body={
        JSON: {
            "type": "object",
            "properties": {"protected": {"type": "boolean"}},
            "additionalProperties": False,
        }
    },
)
_THUMBNAIL: Final = Operation(
    "A recording's first picture.", {200: "image/jpeg"}, errors=(404, 503)
)
_SNAPSHOT: Final = Operation("What the camera sees.", {200: "image/jpeg"}, errors=(503,))


def recordings_routes(service: Service) -> Blueprint:
    """The routes of this group."""
    routes = Blueprint("recordings", __name__)
    transfers = Transfers()

    @routes.get("/recordings")
    @describe(_LIST)
    def entries() -> Response:
        return jsonify({"recordings": service.recordings.entries()})

    @routes.get("/recordings/<name>")
    @describe(_MEDIA)
    def media(name: str) -> Response:
        as_mp4 = _wants_mp4()
        resumed = request.headers.get("Range", "bytes=0-").strip() != "bytes=0-"
        found = service.recordings.open(name, as_mp4=as_mp4, resumed=resumed)
        response = send_media(request, found, transfers)
        if _is_set("download"):
            saved = f"{name.rpartition('.')[0]}.mp4" if as_mp4 else name
            response.headers["Content-Disposition"] = f'attachment; filename="{saved}"'
        response.headers["Content-Security-Policy"] = _MEDIA_POLICY
        return response

    @routes.delete("/recordings/<name>")
    @describe(_DELETE)
    def delete(name: str) -> Response:
        service.recordings.delete(name)
        return jsonify({"success": True})

    @routes.post("/recordings/<name>/protect")
    @describe(_PROTECT)
    def protect(name: str) -> Response:
        entry = service.recordings.protect(name, _protected())
        return jsonify({"success": True, "recording": entry})

    @routes.get("/recordings/<name>/thumbnail.jpg")
    @describe(_THUMBNAIL)
    def thumbnail(name: str) -> Response:
        response = Response(service.recordings.thumbnail(name), mimetype="image/jpeg")
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response

    @routes.get("/snapshot.jpg")
    @describe(_SNAPSHOT)
    def snapshot() -> Response:
        return Response(service.recordings.snapshot(), mimetype="image/jpeg")

    return routes


def _wants_mp4() -> bool:
    wanted = request.args.get("format")
    if wanted not in {None, "mp4"}:
        raise Refusal(400, f"format is {wanted[:40]!r}, not mp4")
    return wanted == "mp4"


def _is_set(name: str) -> bool:
    return request.args.get(name, "0").lower() in {"", "1", "true", "yes"}


def _protected() -> bool:
    """What the optional body asks for."""
    if not request.get_data():
        return True
    require_media_type(request, {"application/json", ""})
    body = read_json_object(request)
    if body.keys() - {"protected"}:
        raise Refusal(400, "the only key is protected")
    wanted = body.get("protected", True)
    if not isinstance(wanted, bool):
        raise Refusal(400, 'the key "protected" must be true or false')
    return wanted
