"""The server: what it refuses at its start, and how it ends."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from petstream.config import Config, load_config
from petstream.errors import ConfigError
from petstream.server import Server
from tests.server_process import loopback_flags


def make(segment: str, tmp_path: Path, *flags: str) -> Server:
    """A server with further flags."""
    arguments = [*loopback_flags(segment, tmp_path / "recordings"), *flags]
    return Server(load_config(Config, arguments, {}).config)


@pytest.mark.parametrize("port", ["http", "metrics"])
def test_port_in_use(segment_name: str, tmp_path: Path, port: str) -> None:
    """One line on stderr that names the port, and an exit code that is not 0, at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        flags = [*loopback_flags(segment_name, tmp_path), f"-{port}=127.0.0.1:{number}"]
        with pytest.raises(ConfigError, match=str(number)):
            Server(load_config(Config, flags, {}).config)
        command = [sys.executable, "-m", "petstream", "serve", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert str(number) in line
    assert "in use" in line


def test_refusal_leaves_no_port_open(segment_name: str, tmp_path: Path) -> None:
    """What was bound before the refusal is let go of."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        http = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        metrics = taken.getsockname()[1]
        with pytest.raises(ConfigError):
            make(segment_name, tmp_path, f"-http=127.0.0.1:{http}", f"-metrics=127.0.0.1:{metrics}")
    socket.create_server(("127.0.0.1", http)).close()


def test_record_path_that_cannot_be_written(segment_name: str, tmp_path: Path) -> None:
    """A file where the directory should be is refused before anything starts."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file"):
        make(segment_name, tmp_path, f"-record-path={tmp_path}/file")


def test_wait_ends_with_stop(segment_name: str, tmp_path: Path) -> None:
    """``wait`` gives exit code 0 after ``stop``, which may be called twice."""
    server = make(segment_name, tmp_path)
    server.start()
    assert requests.get(server.addresses["http"] + "/health", timeout=20).status_code == 200
    assert requests.get(server.addresses["metrics"] + "/metrics", timeout=20).status_code == 200
    threading.Timer(0.1, server.stop).start()
    assert server.wait() == 0
    server.stop()


def test_wait_ends_with_a_part_that_failed_for_good(
    segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that keeps failing ends the process with an exit code that says so."""

    def fail(_timeout_s: float) -> None:
        raise ValueError("odd")

    server = make(segment_name, tmp_path)
    monkeypatch.setattr(server.service.pipeline.source, "read", fail)
    server.start()
    assert server.wait() == 1
    server.stop()
