"""systemd: ready when it serves, watched while it runs, shut in by its unit."""

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from petstream.config import Config, load_config
from petstream.server import Server
from petstream.systemd import Notifier
from tests.demo_process import free_ports
from tests.server_process import ServerProcess, loopback_flags

UNIT = Path(__file__).parents[2] / "tools" / "deploy" / "petstream.service"
WATCHDOG_US = 800_000


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which systemd listens, named in the environment."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_US))
        yield sock


def test_ready_alive_and_stopping(
    manager: socket.socket, segment_name: str, tmp_path: Path
) -> None:
    """Ready is said when the ports answer, then the watchdog is fed in time, until the stop."""
    with ServerProcess(segment_name, tmp_path / "recordings") as server:
        assert manager.recv(100) == b"READY=1"
        assert server.get("/health")["status"] == "degraded"
        for _ in range(3):
            begin = time.monotonic()
            assert manager.recv(100) == b"WATCHDOG=1"
            assert time.monotonic() - begin < 20
        assert server.terminate()[0] == 0
        said = set()
        manager.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                said.add(manager.recv(100))
    assert said - {b"WATCHDOG=1"} == {b"STOPPING=1"}


def test_not_ready_without_its_port(
    manager: socket.socket, segment_name: str, tmp_path: Path
) -> None:
    """A start that fails says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = [*loopback_flags(segment_name, tmp_path), f"-http=127.0.0.1:{port}"]
        command = [sys.executable, "-m", "petstream", "serve", *flags]
        assert subprocess.run(command, capture_output=True, timeout=30).returncode == 2
    manager.settimeout(0.2)
    with pytest.raises(TimeoutError):
        manager.recv(100)


@pytest.mark.nightly
def test_a_hung_thread_starves_the_watchdog(
    manager: socket.socket, segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then systemd ends the process and begins anew."""
    monkeypatch.setattr("petstream.service.HUNG_S", 1.5)
    release = threading.Event()
    server = Server(load_config(Config, loopback_flags(segment_name, tmp_path), {}).config)
    server.start()
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    assert manager.recv(100) == b"READY=1"
    assert manager.recv(100) == b"WATCHDOG=1"

    def hang(_: float) -> list[object]:
        release.wait()
        return []

    monkeypatch.setattr(server.service.pipeline.source, "read", hang)
    time.sleep(2.5)
    manager.settimeout(0.01)
    with contextlib.suppress(TimeoutError):
        while True:
            manager.recv(100)
    manager.settimeout(1.5)
    with pytest.raises(TimeoutError):
        manager.recv(100)
    release.set()
    manager.settimeout(20)
    assert manager.recv(100) == b"WATCHDOG=1"
    server.stop()
    waiting.join()


def test_names_in_the_abstract_namespace() -> None:
    """systemd gives such a one in some containers."""
    name = f"petstream-test-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        environment = {"NOTIFY_SOCKET": f"@{name}", "OTHER": "stays"}
        Notifier(environment).ready()
        assert environment == {"OTHER": "stays"}
        assert sock.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "/nothing/there"},
        {"NOTIFY_SOCKET": "x" * 300},
        {"WATCHDOG_USEC": "nonsense"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_nobody_listens(environment: dict[str, str]) -> None:
    """Nothing happens, and nothing fails."""
    notifier = Notifier(environment)
    notifier.ready()
    notifier.feed()
    notifier.stopping()
    assert environment == {}


def test_the_unit_is_sandboxed() -> None:
    """`systemd-analyze security` gives it at most 4 of 10 points of exposure."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=40", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
    )
    found = re.search(r"Overall exposure level for petstream\.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= 4
    assert done.returncode == 0


def test_the_unit_is_well_formed(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, and the command line is one of ours."""
    petstream = Path(sys.executable).with_name("petstream")
    unit = tmp_path / "petstream.service"
    unit.write_text(UNIT.read_text().replace("/opt/petstream/bin/petstream", str(petstream)))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "petstream" in line]
    assert complaints == []
    settings = dict(re.findall(r"^Environment=(PETSTREAM_\w+)=(\S+)$", UNIT.read_text(), re.M))
    assert settings
    assert load_config(Config, [], settings).config.record_path.is_absolute()


def test_the_port_answers_when_ready(
    manager: socket.socket, segment_name: str, tmp_path: Path
) -> None:
    """Who starts after petstream, by systemd's order, can call it at once."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "petstream", "serve", *loopback_flags(segment_name, tmp_path)]
    with subprocess.Popen(
        [*command, f"-http=127.0.0.1:{port}"], stderr=subprocess.DEVNULL
    ) as process:
        assert manager.recv(100) == b"READY=1"
        assert requests.get(f"http://127.0.0.1:{port}/health", timeout=20).status_code == 200
        process.terminate()
