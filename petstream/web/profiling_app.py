"""Profiles on :6060, at the paths that ``go tool pprof`` knows.

Strategy: a GET takes the profile while the caller waits, as Go's net/http/pprof does; only what
stays on afterwards, the tracing of allocations, needs a POST. A page elsewhere that a browser on
this machine has open must not be able to start one, not even blindly by an image's address.
"""

import math
from typing import Final

from flask import Flask, Response, jsonify, request

from petstream.profiling import SECONDS_MAX, Profiler
from petstream.web.app import new_application
from petstream.web.errors import Refusal
from petstream.web.security import Security

__all__ = ["create_profiling_app"]

_CPU_S: Final = 30.0
_HEAP_S: Final = 5.0

_INDEX: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>petstream profiles</title></head><body>
<h1>petstream profiles</h1>
<p>With Go's own tool, such as <code>go tool pprof -http=: &lt;address&gt;</code>:</p>
<dl>
<dt><a href="profile?seconds=30">profile?seconds=30</a></dt>
<dd>where CPU time goes, by thread; up to 60 s</dd>
<dt><a href="heap">heap?seconds=5</a></dt>
<dd>what holds the memory allocated during these seconds. Allocations are traced for so long and
slower meanwhile. For a slow leak leave the tracing on, with <code>curl -X POST
&lt;address&gt;/heap/start</code>; heap then answers at once with what was allocated since, until
<code>heap/stop</code>. PYTHONTRACEMALLOC=16 in the environment traces from the first moment.</dd>
<dt><a href="goroutine">goroutine</a></dt>
<dd>threads and asyncio tasks; as text <a href="goroutine?debug=1">grouped</a> or
<a href="goroutine?debug=2">one by one</a></dd>
</dl>
<p>One profile at a time. It costs nothing while nobody asks.</p>
</body></html>
"""


def create_profiling_app(profiler: Profiler, security: Security) -> Flask:
    """The profiles of this process as a WSGI application."""
    app = new_application("petstream.pprof", security)
    app.before_request(_refuse_other_sites)

    @app.get("/")
    def root() -> Response:
        return Response(status=302, headers={"Location": "/debug/pprof/"})

    @app.get("/debug/pprof/")
    def index() -> Response:
        return Response(_INDEX, mimetype="text/html")

    @app.get("/debug/pprof/profile")
    def cpu() -> Response:
        return _file("profile", profiler.cpu(_seconds(_CPU_S)))

    @app.get("/debug/pprof/heap")
    def heap() -> Response:
        return _file("heap", profiler.heap(_seconds(_HEAP_S)))

    @app.post("/debug/pprof/heap/<action>")
    def heap_tracing(action: str) -> Response:
        if action not in {"start", "stop"}:
            raise Refusal(404, "tracing of allocations is started and stopped")
        profiler.keep_tracing(action == "start")
        return jsonify({"tracing": action == "start"})

    @app.get("/debug/pprof/goroutine")
    def goroutine() -> Response:
        debug = request.args.get("debug", "0")
        if debug == "0":
            return _file("goroutine", profiler.routines())
        return Response(profiler.routines_text(grouped=debug == "1"), mimetype="text/plain")

    return app


def _refuse_other_sites() -> None:
    """See W3C Fetch Metadata; programs do not send the header."""
    if request.headers.get("Sec-Fetch-Site", "none") == "cross-site":
        raise Refusal(403, "pages of other sites may not take profiles")


def _seconds(default: float) -> float:
    text = request.args.get("seconds")
    try:
        seconds = default if text is None else float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= SECONDS_MAX:
        raise Refusal(400, f"seconds must be a number over 0 and at most {SECONDS_MAX:g}")
    return seconds


def _file(name: str, content: bytes) -> Response:
    response = Response(content, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pb.gz"'
    return response
