"""Each command that the Go server's documentation prints works as printed.

Ports, the segment and a profile's length are others, so that tests can run side by side; the words
of the commands are the documentation's own.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.camera_process import CameraProcess
from tests.demo_process import free_ports
from tests.peer import make_offer
from tests.scale import scaled
from tests.waiting import wait_until

FLAGS = (
    "-shm /pet_camera_stream -http :8081 -metrics :9090 -pprof :6060 "
    "-record-path ./recordings -max-clients 10"
)
PROFILES = {
    "go tool pprof http://localhost:6060/debug/pprof/profile?seconds=30": "Type: cpu",
    "go tool pprof http://localhost:6060/debug/pprof/heap": "Type: inuse_space",
    "go tool pprof http://localhost:6060/debug/pprof/goroutine": "Type: goroutine",
}


@dataclass(frozen=True)
class Documented:
    """A server that was started with the documented flags, and how commands read here."""

    folder: Path
    replacements: dict[str, str]

    def run(self, command: str, *more: str) -> str:
        """Run a documented command; what it printed."""
        for old, new in self.replacements.items():
            command = command.replace(old, new)
        done = subprocess.run(
            [*command.split(), *more],
            env={**os.environ, "PPROF_TMPDIR": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def curl(self, command: str, *more: str) -> dict[str, object]:
        """Run a documented curl command; the JSON it printed."""
        return dict(json.loads(self.run(command, "-s", *more)))


@pytest.fixture
def documented(segment_name: str, tmp_path: Path) -> Iterator[Documented]:
    """The flag line, on other ports."""
    http, metrics, pprof = free_ports(3)
    replacements = {
        "/pet_camera_stream": segment_name,
        ":8081": f":{http}",
        ":9090": f":{metrics}",
        ":6060": f":{pprof}",
        "seconds=30": scaled("seconds=1", "seconds=30"),
    }
    flags = FLAGS
    for old, new in replacements.items():
        flags = flags.replace(old, new)
    command = [sys.executable, "-m", "petstream", "serve", *flags.split()]
    with (
        CameraProcess("barcode-480p30", segment_name),
        subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process,
    ):
        deadline = time.monotonic() + 20
        while not is_well(f"http://localhost:{http}/health?strict=1"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield Documented(tmp_path, replacements)
        process.terminate()


def is_well(url: str) -> bool:
    """Whether a server answers, and has nothing to complain of."""
    try:
        return requests.get(url, timeout=20).ok
    except requests.ConnectionError:
        return False


def test_calls(documented: Documented) -> None:
    """/health, /start, /status, /stop, /offer and the metrics, by curl."""
    health = documented.curl("curl http://localhost:8081/health")
    assert health["status"] == "ok"
    assert {"webrtc_clients", "recording", "has_headers"} <= health.keys()
    assert documented.curl("curl -X POST http://localhost:8081/start")["success"] is True

    def status() -> dict[str, object]:
        return documented.curl("curl http://localhost:8081/status")

    wait_until(lambda: status()["frame_count"], "the first access unit")
    assert status()["recording"] is True
    name = str(status()["filename"])
    assert re.fullmatch(r"recording_\d{8}_\d{6}\.h264", name)
    assert documented.curl("curl -X POST http://localhost:8081/stop")["success"] is True
    assert (documented.folder / "recordings" / name).stat().st_size > 0
    answer = documented.curl(
        "curl -X POST http://localhost:8081/offer",
        *("-H", "Content-Type: application/json"),
        *("-d", json.dumps({"type": "offer", "sdp": make_offer()})),
    )
    assert answer["type"] == "answer"
    metrics = documented.run("curl http://localhost:9090/metrics", "-s")
    read = re.search(r"^streaming_frames_read_total (\S+)$", metrics, re.MULTILINE)
    assert read is not None
    assert float(read[1]) > 0


def test_profiles(documented: Documented) -> None:
    """The three lines for ``go tool pprof``; -top stands for what is typed at its prompt."""
    for command, kind in PROFILES.items():
        program, _, address = command.rpartition(" ")
        printed = documented.run(f"{program} -top {address}")
        assert kind in printed, command
        assert "petstream." in printed, command
