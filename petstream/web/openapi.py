"""GET /openapi.json: the calls of the port it is served on, as an OpenAPI 3.1 document.

Strategy: each route says beside itself what it takes and gives (``describe``); the document is put
together from the routes that the application really has. What every call may answer, because the
checks before it do, is said once, here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar

from flask import Blueprint, Flask, Response, current_app, jsonify

from petstream.version import __version__

__all__ = [
    "ERROR",
    "JSON",
    "Operation",
    "describe",
    "object_of",
    "openapi_document",
    "openapi_routes",
]

View = TypeVar("View", bound=Callable[..., object])
Schema = Mapping[str, Any]

JSON: Final = "application/json"
_ATTRIBUTE: Final = "__openapi__"

# Of the HTTP server and of the checks that every request passes.
_OF_EVERY_CALL: Final = (400, 401, 413, 421, 431, 500, 501)
_OF_EVERY_CHANGE: Final = (403,)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.

    Attributes:
        summary: one line.
        responses: what it gives by status: a schema for JSON, one or more media types for anything
            else, None for no body.
        errors: statuses of its own that come with an error object.
        body: schema by media type; empty if it takes none.
        body_required: whether it must have one.
        parameters: as in OpenAPI; those of the path are added by themselves.
        headers: names of headers that the answer may have, by status.
    """

    summary: str
    responses: Mapping[int, Schema | str | tuple[str, ...] | None]
    errors: tuple[int, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    body_required: bool = False
    parameters: tuple[Schema, ...] = ()
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def object_of(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Any:
    """The schema of an object that may have further keys."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


ERROR: Final[Schema] = object_of({"error": {"type": "string"}, "message": {"type": "string"}})


def describe(operation: Operation) -> Callable[[View], View]:
    """Decorate a view with what it takes and gives; below the route's own decorator."""

    def decorate(view: View) -> View:
        setattr(view, _ATTRIBUTE, operation)
        return view

    return decorate


def openapi_routes() -> Blueprint:
    """The route of the document itself."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    @describe(Operation("This document.", {200: {"type": "object"}}))
    def openapi() -> Response:
        return jsonify(openapi_document(current_app))

    return routes


def openapi_document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of an application.

    Raises:
        LookupError: a route has no description.
    """
    paths: dict[str, dict[str, Any]] = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        operation: Operation | None = getattr(view, _ATTRIBUTE, None)
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if operation is None:
                raise LookupError(f"{method} {path} is not described")
            paths.setdefault(path, {})[method.lower()] = _operation(
                operation, method, sorted(rule.arguments)
            )
    return {
        "openapi": "3.1.0",
        "info": {"title": "petstream", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(operation: Operation, method: str, arguments: list[str]) -> dict[str, Any]:
    errors = {*_OF_EVERY_CALL, *operation.errors}
    errors.update(() if method == "GET" else _OF_EVERY_CHANGE)
    described: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {
            str(status): _response(operation, status)
            for status in sorted({*errors, *operation.responses})
        },
    }
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in arguments
    ]
    if in_path or operation.parameters:
        described["parameters"] = [*in_path, *operation.parameters]
    if operation.body:
        content = {kind: {"schema": schema} for kind, schema in operation.body.items()}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


def _response(operation: Operation, status: int) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    given = operation.responses.get(status, {"$ref": "#/components/schemas/Error"})
    if isinstance(given, str | tuple):
        kinds = (given,) if isinstance(given, str) else given
        response["content"] = {kind: {} for kind in kinds}
    elif given is not None:
        response["content"] = {JSON: {"schema": given}}
    headers = operation.headers.get(status, ())
    if headers:
        response["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return response
