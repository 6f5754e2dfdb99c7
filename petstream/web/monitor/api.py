"""The page's calls: forwarded to the server, or answered as a stream of events.

Strategy: only where the two ends differ, in ICE configuration, in the summary of the state and in
the detections, is there something of the monitor's own.
"""

from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

from petstream.config import MonitorConfig
from petstream.web.detached import detach
from petstream.web.monitor.events import EventStream
from petstream.web.monitor.forwarding import QUICK_S, SLOW_S, forward, forward_streamed
from petstream.web.monitor.status import read_status
from petstream.web.monitor.transfers import Transfers
from petstream.web.monitor.upstream import Upstream

__all__ = ["api_routes", "recordings_routes", "stream_routes"]

_EVENT_STREAM = "text/event-stream"


def api_routes(upstream: Upstream, config: MonitorConfig) -> Blueprint:
    """Signaling, recording control and status."""
    routes = Blueprint("api", __name__, url_prefix="/api")

    @routes.get("/webrtc/config")
    def webrtc_config() -> Response:
        return jsonify({"iceServers": _ice_servers(config)})

    @routes.post("/webrtc/offer")
    def offer() -> Response:
        return forward(upstream, request, "/offer", timeout_s=SLOW_S)

    @routes.get("/clock")
    def clock() -> Response:
        return forward(upstream, request, "/clock", timeout_s=QUICK_S)

    @routes.post("/recording/start")
    def start() -> Response:
        return forward(upstream, request, "/start", timeout_s=SLOW_S)

    @routes.post("/recording/stop")
    def stop() -> Response:
        return forward(upstream, request, "/stop", timeout_s=SLOW_S)

    @routes.get("/recording/status")
    def recording_status() -> Response:
        return forward(upstream, request, "/status", timeout_s=QUICK_S)

    @routes.get("/status")
    def status() -> Response:
        return jsonify(read_status(upstream))

    return routes


def recordings_routes(upstream: Upstream, transfers: Transfers) -> Blueprint:
    """Finished recordings, and pictures."""
    routes = Blueprint("recordings", __name__, url_prefix="/api")

    @routes.get("/snapshot.jpg")
    def snapshot() -> Response:
        return forward(upstream, request, "/snapshot.jpg", timeout_s=SLOW_S)

    @routes.get("/recordings")
    def recordings() -> Response:
        return forward(upstream, request, "/recordings", timeout_s=SLOW_S)

    @routes.get("/recordings/<name>")
    def recording(name: str) -> Response:
        query = request.query_string.decode("latin-1")
        path = f"{_path(name)}?{query}" if query else _path(name)
        return forward_streamed(upstream, transfers, request, path)

    @routes.get("/recordings/<name>/thumbnail.jpg")
    def thumbnail(name: str) -> Response:
        return forward(upstream, request, f"{_path(name)}/thumbnail.jpg", timeout_s=SLOW_S)

    @routes.delete("/recordings/<name>")
    def delete(name: str) -> Response:
        return forward(upstream, request, _path(name), timeout_s=SLOW_S)

    @routes.post("/recordings/<name>/protect")
    def protect(name: str) -> Response:
        return forward(upstream, request, f"{_path(name)}/protect", timeout_s=SLOW_S)

    return routes


def stream_routes(detections: EventStream, status: EventStream) -> Blueprint:
    """Server-Sent Events."""
    routes = Blueprint("streams", __name__, url_prefix="/api")

    @routes.get("/detections/stream")
    def detections_stream() -> Response:
        return _listen(detections)

    @routes.get("/status/stream")
    def status_stream() -> Response:
        return _listen(status)

    return routes


def _listen(stream: EventStream) -> Response:
    response = Response(iter(()), mimetype=_EVENT_STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back
    if request.method == "GET":
        detach(request, stream.add)
    return response


def _path(name: str) -> str:
    return f"/recordings/{quote(name, safe='')}"


def _ice_servers(config: MonitorConfig) -> list[dict[str, object]]:
    """As RTCPeerConnection takes them (W3C WebRTC, RTCIceServer)."""
    servers: list[dict[str, object]] = [{"urls": [url]} for url in config.stun]
    servers.extend(
        {"urls": [turn.url], "username": turn.username, "credential": turn.credential}
        for turn in config.turn
    )
    return servers
