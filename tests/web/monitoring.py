"""A monitor on a free port, for a server of the test's choice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from petstream.config import Address, MonitorConfig
from petstream.web.monitor import MonitorServer
from tests.web.client import Client

__all__ = ["monitoring"]


@contextmanager
def monitoring(server_port: int, **settings: Any) -> Iterator[Client]:
    """A client of a monitor for the server on that port."""
    settings.setdefault("detections", f"/petstream-test-none-{server_port}")
    config = MonitorConfig(
        http=Address("127.0.0.1", 0), server=f"http://127.0.0.1:{server_port}", **settings
    )
    faults: list[BaseException] = []
    server = MonitorServer(config, on_fault=faults.append)
    try:
        server.start()
        yield Client(int(server.url.rpartition(":")[2]))
    finally:
        assert server.close(5.0)
    assert not faults
