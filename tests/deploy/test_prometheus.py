"""Prometheus itself, with the files of tools/deploy, on a server that works."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.camera_process import CameraProcess
from tests.demo_process import free_ports
from tests.peer import Peer
from tests.server_process import ServerProcess

DEPLOY = Path(__file__).parents[2] / "tools" / "deploy"


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes a server each second; its address."""
    config = (DEPLOY / "prometheus.yml").read_text()
    config = config.replace("127.0.0.1:9090", target.removeprefix("http://"))
    config = config.replace("petstream.rules.yml", str(DEPLOY / "petstream.rules.yml"))
    (folder / "prometheus.yml").write_text(re.sub(r"_interval: \d+s", "_interval: 1s", config))
    (port,) = free_ports(1)
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def query(address: str, expression: str) -> list[dict[str, Any]]:
    """The instant vector of an expression; empty while Prometheus starts."""
    try:
        answer = requests.get(f"{address}/api/v1/query", params={"query": expression}, timeout=20)
    except requests.ConnectionError:
        return []
    return list(answer.json()["data"]["result"]) if answer.ok else []


def wait_for(address: str, expression: str) -> list[dict[str, Any]]:
    """Wait until an expression gives something."""
    deadline = time.monotonic() + 30
    while not (found := query(address, expression)):
        assert time.monotonic() < deadline, expression
        time.sleep(0.2)
    return found


@pytest.mark.nightly
def test_prometheus_scrapes_and_evaluates(segment_name: str, tmp_path: Path) -> None:
    """A real Prometheus reads every family, and every rule and panel finds its figures."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        ServerProcess(segment_name, tmp_path / "recordings") as server,
        Peer(server.offer) as peer,
        prometheus(server.urls["metrics"], tmp_path) as address,
    ):
        peer.wait_for(30)
        wait_for(address, "up == 1")
        wait_for(address, "streaming_camera_frames_per_second > 25")
        wait_for(address, 'streaming_viewer_frames_sent_total{viewer="0"} > 30')
        wait_for(address, "petstream_build_info")
        wait_for(address, "process_cpu_seconds_total > 0")
        wait_for(address, "rate(streaming_frames_read_total[10s]) > 20")
        rules = requests.get(f"{address}/api/v1/rules", timeout=20).json()["data"]["groups"][0]
        assert [r["name"] for r in rules["rules"] if r["health"] == "err"] == []
        exposed = {sample["metric"]["__name__"] for sample in query(address, '{__name__=~".+"}')}
    used = set(
        re.findall(r"\b(?:streaming|process)_\w+", (DEPLOY / "petstream.rules.yml").read_text())
    )
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    for panel in panels:
        for target in panel["targets"]:
            used |= set(re.findall(r"\b(?:streaming|process)_\w+", target["expr"]))
    # A family with a label has no series until there is something to count.
    missing = used - exposed - {"streaming_refused_slots_total"}
    assert not missing - {"streaming_viewer_round_trip_seconds"}


def test_alert_rules() -> None:
    """Each alert fires on what it is for, and none when all is well."""
    for command in ("check", "test"):
        name = "petstream.rules.yml" if command == "check" else "petstream.rules.test.yml"
        done = subprocess.run(
            ["promtool", command, "rules", name], cwd=DEPLOY, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    alerts = set(re.findall(r"- alert: (\w+)", (DEPLOY / "petstream.rules.yml").read_text()))
    tested = set(
        re.findall(r"- name: (\w+)$", (DEPLOY / "petstream.rules.test.yml").read_text(), re.M)
    )
    assert alerts == tested
