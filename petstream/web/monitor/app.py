"""The monitor's application: the page's files and its calls.

Strategy: the files are read once, when the application is made, so that a request can name
nothing but one of them. The page has no inline script and loads nothing from elsewhere, which is
what its Content-Security-Policy says.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask, Response, request

from petstream.config import MonitorConfig
from petstream.web.app import new_application
from petstream.web.errors import Refusal
from petstream.web.monitor.api import api_routes, recordings_routes, stream_routes
from petstream.web.monitor.backend import Backend
from petstream.web.security import Security

__all__ = ["create_monitor_app", "monitor_security"]

_STATIC: Final = Path(__file__).parent / "static"

_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page."""

    content: bytes
    media_type: str
    etag: str


def monitor_security(config: MonitorConfig) -> Security:
    """Who may call, and what the page may do; ConfigError if the token file cannot be read."""
    # Whose pages may call may also show the page in a frame, such as a dashboard.
    policy = " ".join([_POLICY, *config.allow_origin])
    return Security.from_config(config, page_policy=policy, for_people=True)


def create_monitor_app(config: MonitorConfig, security: Security, backend: Backend) -> Flask:
    """The page and its calls as a WSGI application; HttpServer serves it."""
    app = new_application("petstream.web.monitor", security)
    app.register_blueprint(api_routes(backend.upstream, config))
    app.register_blueprint(recordings_routes(backend.upstream, backend.transfers))
    app.register_blueprint(stream_routes(backend.detections, backend.status))
    assets = _read_assets(_STATIC)

    @app.get("/")
    def page() -> Response:
        return _respond(assets["index.html"])

    @app.get("/static/<name>")
    def static_file(name: str) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise Refusal(404, "there is no such file")
        return _respond(asset)

    return app


def _read_assets(folder: Path) -> dict[str, Asset]:
    assets = {}
    for path in folder.iterdir():
        if path.suffix in _MEDIA_TYPES:
            content = path.read_bytes()
            etag = hashlib.sha256(content).hexdigest()[:16]
            assets[path.name] = Asset(content, _MEDIA_TYPES[path.suffix], etag)
    return assets


def _respond(asset: Asset) -> Response:
    response = Response(asset.content, mimetype=asset.media_type)
    response.set_etag(asset.etag)
    response.headers["Cache-Control"] = "no-cache"  # ask each time, and get a 304
    response.make_conditional(request)
    return response
