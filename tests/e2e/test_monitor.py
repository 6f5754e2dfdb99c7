"""The web monitor with a real server behind it."""

import json
from pathlib import Path
from typing import Any

import requests

from petstream.server import Server
from tests.camera_process import CameraProcess
from tests.demo_process import demo
from tests.e2e.conftest import StartServer


def first_event(url: str) -> dict[str, Any]:
    """The data of a stream's first event."""
    with requests.get(url, stream=True, timeout=10) as answer:
        for line in answer.iter_lines():
            if line.startswith(b"data: "):
                return dict(json.loads(line[6:]))
    raise AssertionError("the stream ended without an event")


def test_a_monitor_in_the_servers_process(start_server: StartServer, segment_name: str) -> None:
    """-monitor: the page, the server's state, and the boxes of what the camera sees."""
    boxes = f"{segment_name}-boxes"
    server: Server = start_server("-monitor=127.0.0.1:0", f"-detections={boxes}")
    url = server.addresses["monitor"]
    assert "<video" in requests.get(url, timeout=20).text
    assert first_event(f"{url}/api/status/stream")["status"] == "degraded"
    with CameraProcess("barcode-480p30", segment_name, "--detections", boxes):
        event = first_event(f"{url}/api/detections/stream")
    (box,) = event["detections"]
    assert box["class_name"] == "ball"
    clock = requests.get(f"{url}/api/clock", timeout=20).json()
    assert clock["now_ns"] > event["capture_ns"]


def test_the_demo_has_boxes(segment_name: str, tmp_path: Path) -> None:
    """The rabbit is what the demo shows at first sight; nothing is left of its segment."""
    with demo(segment_name, tmp_path, "-fixture=bbb-480p30") as running:
        event = first_event(f"{running.url}/api/detections/stream")
        (box,) = event["detections"]
        assert box["class_name"] == "rabbit"
        assert 0.9 <= box["confidence"] < 1
        assert Path("/dev/shm", f"{segment_name[1:]}-detections").exists()
        running.process.terminate()
        assert running.process.wait(10) == 0
    assert not Path("/dev/shm", f"{segment_name[1:]}-detections").exists()
