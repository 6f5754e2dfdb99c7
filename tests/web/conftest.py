"""A REST server on a free port, with a service that only takes notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from petstream.web.app import create_app
from petstream.web.http_server import HttpServer
from petstream.web.security import Security
from tests.web.client import Client
from tests.web.fake_service import FakeService

RULES = Security(frozenset({"localhost", "cam.local"}))


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[Client]:
    """A client of an application that is served on a free port."""
    server = HttpServer(app, "127.0.0.1", 0, "test", **options)
    try:
        server.start()
        yield Client(server.port)
    finally:
        assert server.close(5.0)


@pytest.fixture
def service() -> FakeService:
    """What the calls reach."""
    return FakeService()


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    """A client of the REST server."""
    with serving(create_app(service, RULES)) as client:
        yield client
