"""The REST application on :8081: the groups of routes put together.

Strategy: an application is made for one service and one set of rules, and holds no state of its
own, so that a process can have several and a test its own.
"""

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from petstream.web.clock import clock_routes
from petstream.web.errors import install_error_handlers
from petstream.web.health import health_routes
from petstream.web.openapi import openapi_routes
from petstream.web.recording import recording_routes
from petstream.web.recordings import recordings_routes
from petstream.web.security import Security
from petstream.web.service_protocol import Service
from petstream.web.signaling import signaling_routes
from petstream.web.viewers import viewer_routes

__all__ = ["MAX_BODY_BYTES", "create_app", "new_application"]

# An SDP offer of a browser with every codec is some 10 KiB.
MAX_BODY_BYTES = 128 * 1024


def create_app(service: Service, security: Security) -> Flask:
    """The REST and signaling calls as a WSGI application.

    Args:
        service: what the calls do; see Service for the threads it is called from.
        security: who may call.
    """
    app = new_application("petstream.web", security)
    for routes in (
        signaling_routes,
        recording_routes,
        recordings_routes,
        viewer_routes,
        clock_routes,
        health_routes,
    ):
        app.register_blueprint(routes(service))
    app.register_blueprint(openapi_routes())
    return app


def new_application(name: str, security: Security) -> Flask:
    """An application without routes: errors as JSON, checks installed, keys in their order."""
    app = Flask(name, static_folder=None, root_path="/")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    provider = DefaultJSONProvider(app)
    provider.sort_keys = False
    app.json = provider
    install_error_handlers(app)
    security.install(app)
    return app
