"""GET /metrics on :9090, for Prometheus.

Strategy: the registry is handed in; prometheus-client chooses the text format from the Accept
header, here it is only served under the same rules as every other port.
"""

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from petstream.web.app import new_application
from petstream.web.security import Security

__all__ = ["create_metrics_app"]

_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>petstream metrics</title></head>
<body><h1>petstream</h1><p><a href="/metrics">Metrics</a> for Prometheus</p></body></html>
"""


def create_metrics_app(registry: CollectorRegistry, security: Security) -> Flask:
    """The metrics of a registry as a WSGI application."""
    app = new_application("petstream.metrics", security)

    @app.get("/")
    def index() -> Response:
        return Response(_INDEX, mimetype="text/html")

    @app.get("/metrics")
    def metrics() -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except (TypeError, ValueError):  # a version in the header that is no number
            encode, content_type = choose_encoder("")
        return Response(encode(registry), content_type=content_type)

    return app
