"""``petstream demo``: everything at once, and nothing left of it."""

import signal
import socket
from pathlib import Path

import pytest
import requests

from tests.demo_process import demo


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runs_and_ends(segment_name: str, tmp_path: Path, number: signal.Signals) -> None:
    """It prints an address that shows the page, and a signal ends all that it started."""
    with demo(segment_name, tmp_path / "recordings") as running:
        assert "<video" in requests.get(running.url, timeout=20).text
        status = requests.get(f"{running.url}/api/status", timeout=20).json()
        assert status["camera"]["attached"]
        running.process.send_signal(number)
        assert running.process.wait(10) == 0
    assert not Path("/dev/shm", segment_name[1:]).exists()
    for url in (running.url, running.server_url):
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=20)


def test_a_child_that_cannot_start_ends_it(segment_name: str, tmp_path: Path) -> None:
    """A port in use is named in one line, and the demo ends with the rest of its children."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(segment_name, tmp_path, f"-http=127.0.0.1:{port}") as running:
            assert running.process.wait(10) == 1
    assert any("in use" in line and str(port) in line for line in running.lines)
    assert not Path("/dev/shm", segment_name[1:]).exists()
