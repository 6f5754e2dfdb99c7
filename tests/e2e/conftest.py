"""A whole server in this process, on free ports, for a camera that the test starts."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from petstream.config import Config, load_config
from petstream.server import Server
from tests.server_process import ServerProcess, loopback_flags

StartServer = Callable[..., Server]


@pytest.fixture
def start_server(segment_name: str, tmp_path: Path) -> Iterator[StartServer]:
    """Start a server with further flags; all are stopped after the test."""
    started: list[Server] = []

    def start(*flags: str) -> Server:
        arguments = [*loopback_flags(segment_name, tmp_path / "recordings"), *flags]
        server = Server(load_config(Config, arguments, {}).config)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"reader", "processor", "distributor", "recorder", "webrtc"}


@pytest.fixture
def server(start_server: StartServer) -> Server:
    """A server with the default settings."""
    return start_server()


@pytest.fixture
def server_process(segment_name: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server in a process of its own."""
    with ServerProcess(segment_name, tmp_path / "recordings") as process:
        yield process
