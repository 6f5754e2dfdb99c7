"""RELIABILITY A7: what may stand where the segment should be."""

import functools
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from petstream import pipeline
from petstream.config import Config, load_config
from petstream.server import Server
from petstream.shm.layout import RING_SIZE
from tests.capabilities import bound_by_permissions
from tests.scale import deadline_s, scaled
from tests.server_process import loopback_flags
from tests.waiting import wait_until

LATER_RING_SIZE = 93_314_112
REPEAT_S = scaled(2.0, pipeline.FAULT_REPEAT_S)


def create(path: Path, size: int = RING_SIZE) -> None:
    """Make a segment of a size, or give one that is there this size."""
    with path.open("ab"):
        os.truncate(path, size)


def recreate(path: Path) -> None:
    """Make the segment in the place of what is there."""
    remove(path)
    create(path)


def remove(path: Path) -> None:
    """Take away what is there."""
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()


def create_unreadable(path: Path) -> None:
    """Make a segment that nobody may open."""
    create(path)
    path.chmod(0)


class Obstacle(NamedTuple):
    """How it gets there, how it is put right, and what /health says of it in between."""

    put: Callable[[Path], None]
    put_right: Callable[[Path], None]
    reason: str


OBSTACLES = {
    "missing": Obstacle(lambda _: None, create, "start the camera daemon"),
    "empty": Obstacle(Path.touch, create, f"has 0 bytes, expected {RING_SIZE}"),
    "wrong-size": Obstacle(
        lambda path: create(path, LATER_RING_SIZE),
        recreate,
        f"has {LATER_RING_SIZE} bytes (the layout of a later daemon), expected {RING_SIZE}",
    ),
    "no-permission": Obstacle(
        create_unreadable, lambda path: path.chmod(0o600), "Permission denied"
    ),
    "directory": Obstacle(Path.mkdir, recreate, "is not a shared-memory segment"),
}


@pytest.mark.parametrize("run", range(scaled(1, 20)))
def test_a07_unusable_segments(
    run: int,
    segment_name: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTP is up, /health says why, one line is logged in 10 s; once right it attaches in 1 s."""
    del run
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(pipeline, "FAULT_REPEAT_S", REPEAT_S)

    def lines(path: Path) -> list[logging.LogRecord]:
        return [record for record in caplog.records if path.name in record.getMessage()]

    paths = {kind: Path(f"/dev/shm{segment_name}-{kind}") for kind in OBSTACLES}

    def told_twice(path: Path) -> bool:
        return len(lines(path)) == 2

    with ExitStack() as stack, bound_by_permissions():
        servers = {}
        for kind, path in paths.items():
            OBSTACLES[kind].put(path)
            stack.callback(remove, path)
            servers[kind] = start_server(f"/{path.name}", tmp_path)
            stack.callback(servers[kind].stop)
        for kind, server in servers.items():
            assert OBSTACLES[kind].reason in reasons(server), kind
        for path in paths.values():
            wait_until(functools.partial(told_twice, path), "a second line in the log")
            first, second = lines(path)
            assert second.created - first.created > 0.99 * REPEAT_S
        for kind, path in paths.items():
            OBSTACLES[kind].put_right(path)
            wait_until_attached(servers[kind], deadline_s(1))
            assert "no camera" not in reasons(servers[kind])


def start_server(segment: str, tmp_path: Path) -> Server:
    """A running server on free ports."""
    server = Server(load_config(Config, loopback_flags(segment, tmp_path), {}).config)
    server.start()
    wait_until(lambda: server.service.pipeline.source.fault, "a first look at the segment")
    return server


def wait_until_attached(server: Server, timeout_s: float) -> None:
    """Wait until the segment is open."""
    wait_until(lambda: server.service.pipeline.camera().attached, "the segment", timeout_s)


def reasons(server: Server) -> str:
    """Why /health says that the server is degraded."""
    health = requests.get(server.addresses["http"] + "/health", timeout=20).json()
    assert health["status"] == "degraded"
    return str(health["reasons"])
