"""Every call of the REST interface as curl makes it, against a server with a camera."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.camera_process import CameraProcess
from tests.media import count_frames
from tests.peer import Peer, make_offer
from tests.scale import within
from tests.server_process import ServerProcess
from tests.waiting import wait_until

CONTRACT_KEYS = [
    "recording",
    "filename",
    "frame_count",
    "bytes_written",
    "duration_ms",
    "start_time",
]


@dataclass(frozen=True)
class Answer:
    """What curl printed."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(json.loads(self.body))


def curl(url: str, *options: str) -> Answer:
    """Run curl and take its output apart."""
    command = ["curl", "--silent", "--show-error", "--include", "--max-time", "15", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


@pytest.fixture
def server(server_process: ServerProcess, segment_name: str) -> Iterator[ServerProcess]:
    """A server whose camera runs."""
    with CameraProcess("barcode-480p30", segment_name):
        server_process.wait_for_health("ok")
        yield server_process


def post_json(url: str, body: object) -> Answer:
    """curl -X POST with a JSON body."""
    return curl(
        url, "-X", "POST", "-H", "Content-Type: application/json", "--data-raw", json.dumps(body)
    )


def test_recording_calls(server: ServerProcess, tmp_path: Path) -> None:
    """/start, /status and /stop answer as documented; the file has what /status counted."""
    url = server.urls["http"]
    idle = curl(f"{url}/status")
    assert idle.status == 200
    assert list(idle.json)[:6] == CONTRACT_KEYS
    assert idle.json["recording"] is False
    assert idle.json["filename"] is None

    started = curl(f"{url}/start", "-X", "POST")
    assert started.status == 200
    assert started.json["success"] is True
    name = started.json["status"]["filename"]
    assert re.fullmatch(r"recording_\d{8}_\d{6}\.h264", name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", started.json["status"]["start_time"])
    again = curl(f"{url}/start", "-X", "POST")
    assert again.status == 409
    assert set(again.json) == {"error", "message"}

    server.wait_for_frames(40)
    stopped = curl(f"{url}/stop", "-X", "POST")
    assert stopped.status == 200
    figures = stopped.json["status"]
    assert figures["recording"] is False
    path = tmp_path / "recordings" / name
    assert figures["bytes_written"] == path.stat().st_size
    assert figures["frame_count"] == count_frames(path) >= 40
    late_ms = abs(figures["duration_ms"] - figures["frame_count"] * 1000 / 30)
    within("ms between duration and access units at 30 a second", late_ms, 40)
    assert {key: curl(f"{url}/status").json[key] for key in CONTRACT_KEYS} == {
        key: figures[key] for key in CONTRACT_KEYS
    }
    assert curl(f"{url}/stop", "-X", "POST").status == 409


def test_recording_with_a_body(server: ServerProcess, tmp_path: Path) -> None:
    """The format and the pre-roll can be asked for; what does not exist is refused."""
    url = server.urls["http"]
    wait_until(lambda: access_units_read(server) > 80, "more than the pre-roll and a GOP")
    started = post_json(f"{url}/start", {"format": "mp4", "pre_roll_s": 1.5})
    assert started.status == 200
    server.wait_for_frames(started.json["status"]["frame_count"] + 1)
    stopped = curl(f"{url}/stop", "-X", "POST").json["status"]
    assert stopped["filename"].endswith(".mp4")
    assert stopped["duration_ms"] >= 1500
    assert count_frames(tmp_path / "recordings" / stopped["filename"]) == stopped["frame_count"]
    bad: list[object] = [
        {"format": "avi"},
        {"pre_roll_s": -1},
        {"pre_roll_s": "1"},
        [],
        {"other": 1},
    ]
    for body in bad:
        assert post_json(f"{url}/start", body).status == 400


def access_units_read(server: ServerProcess) -> float:
    """By the metrics."""
    text = requests.get(f"{server.urls['metrics']}/metrics", timeout=20).text
    (line,) = re.findall(r"^streaming_frames_read_total (\S+)$", text, re.MULTILINE)
    return float(line)


def test_offer(server: ServerProcess) -> None:
    """/offer answers a good offer with H.264 and candidates, and says what is wrong with others."""
    url = f"{server.urls['http']}/offer"
    good = post_json(url, {"type": "offer", "sdp": make_offer()})
    assert good.status == 200
    assert good.json["type"] == "answer"
    assert "a=candidate:" in good.json["sdp"]
    assert "H264/90000" in good.json["sdp"]
    assert "VP8" not in good.json["sdp"]
    assert "a=sendonly" in good.json["sdp"]
    no_h264 = re.sub("H264", "H265", make_offer())
    refused: dict[int, list[object]] = {
        400: [{"type": "offer", "sdp": "nonsense"}, {"type": "offer"}, []],
        406: [{"type": "offer", "sdp": no_h264}],
    }
    for status, bodies in refused.items():
        for body in bodies:
            answer = post_json(url, body)
            assert answer.status == status
            assert set(answer.json) == {"error", "message"}
    assert curl(url, "-X", "POST", "--data", "{}").status == 415
    wrong = curl(url)
    assert wrong.status == 405
    assert "POST" in wrong.headers["Allow"]


def test_too_many_viewers(segment_name: str, tmp_path: Path) -> None:
    """At the limit /offer answers 503 with Retry-After, and a viewer that leaves makes room."""
    with ServerProcess(segment_name, tmp_path / "r", "-max-clients=2") as server:
        with Peer(server.offer) as first, Peer(server.offer) as second:
            first.wait_for_state("connected")
            second.wait_for_state("connected")
            full = post_json(f"{server.urls['http']}/offer", {"type": "offer", "sdp": make_offer()})
            assert full.status == 503
            assert int(full.headers["Retry-After"]) > 0
        wait_until(lambda: not server.get("/health")["webrtc_clients"], "both to have left")
        with Peer(server.offer) as third:
            third.wait_for_state("connected")


def test_whep(server: ServerProcess) -> None:
    """A WHEP session is made, trickled to and deleted by plain HTTP."""
    url = server.urls["http"]
    sdp = ("-H", "Content-Type: application/sdp", "--data-binary")
    made = curl(f"{url}/whep", "-X", "POST", *sdp, make_offer())
    assert made.status == 201
    assert made.headers["Content-Type"].startswith("application/sdp")
    assert made.body.startswith("v=0")
    location = made.headers["Location"]
    assert location.startswith("/whep/")
    fragment = "a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\n"
    patched = curl(
        url + location,
        *("-X", "PATCH", "-H", "Content-Type: application/trickle-ice-sdpfrag"),
        *("--data-binary", fragment),
    )
    assert patched.status == 204
    assert curl(url + location, "-X", "DELETE").status in {200, 204}
    assert curl(url + location, "-X", "DELETE").status == 404


def test_health(server: ServerProcess, segment_name: str) -> None:
    """/health is ok with a camera; without one it says why, and is 503 only if asked to be."""
    url = server.urls["http"]
    healthy = curl(f"{url}/health")
    assert healthy.status == 200
    assert healthy.json["status"] == "ok"
    assert healthy.json["webrtc_clients"] == 0
    assert healthy.json["recording"] is False
    assert healthy.json["has_headers"] is True
    assert curl(f"{url}/health?strict=1").status == 200
    (Path("/dev/shm") / segment_name[1:]).unlink()
    (Path("/dev/shm") / segment_name[1:]).write_bytes(b"short")
    wait_until(lambda: "5 bytes" in str(server.get("/health").get("reasons")), "its size")
    assert "93313480" in server.wait_for_health("degraded")["reasons"][0]
    assert curl(f"{url}/health").status == 200
    assert curl(f"{url}/health?strict=1").status == 503


def test_all_calls_answer_without_a_camera(server_process: ServerProcess) -> None:
    """The server answers every call while there has never been a camera."""
    url = server_process.urls["http"]
    assert curl(f"{url}/health").json["status"] == "degraded"
    assert curl(f"{url}/status").status == 200
    assert post_json(f"{url}/offer", {"type": "offer", "sdp": make_offer()}).status == 200
    assert curl(f"{url}/start", "-X", "POST").status == 200
    stopped = curl(f"{url}/stop", "-X", "POST")
    assert stopped.status == 200
    assert stopped.json["status"]["frame_count"] == 0
    assert curl(f"{server_process.urls['metrics']}/metrics").status == 200
