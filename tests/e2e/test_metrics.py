"""All metrics of the contract are there, move, and are well formed."""

import subprocess
import time

import requests

from simulator import RingWriter
from tests.camera_process import CameraProcess
from tests.peer import Peer
from tests.server_process import ServerProcess

COUNTERS = {
    "streaming_frames_read_total",
    "streaming_frames_processed_total",
    "streaming_frames_dropped_total",
    "streaming_webrtc_frames_sent_total",
    "streaming_webrtc_frames_dropped_total",
    "streaming_recorder_frames_sent_total",
    "streaming_recorder_frames_dropped_total",
    "streaming_read_errors_total",
    "streaming_process_errors_total",
    "streaming_webrtc_errors_total",
    "streaming_recorder_errors_total",
}
GAUGES = {
    "streaming_frame_latency_ms",
    "streaming_process_latency_ms",
    "streaming_webrtc_buffer_usage_percent",
    "streaming_recorder_buffer_usage_percent",
    "streaming_active_clients",
    "streaming_total_clients",
    "streaming_recording_active",
    "streaming_recording_bytes",
    "streaming_recording_frames",
}
HISTOGRAMS = {
    "streaming_capture_to_read_seconds",
    "streaming_read_to_sent_seconds",
    "streaming_viewer_sent_seconds",
}


def scrape(server: ServerProcess) -> dict[str, float]:
    """Every sample without labels, by name."""
    text = requests.get(f"{server.urls['metrics']}/metrics", timeout=20).text
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines if "{" not in name}


def test_all_metrics_are_there_without_a_camera(server_process: ServerProcess) -> None:
    """Every name of the contract is exposed from the start, counters as counters."""
    text = requests.get(f"{server_process.urls['metrics']}/metrics", timeout=20).text
    types = {
        name: kind
        for line in text.splitlines()
        if line.startswith("# TYPE")
        for _, _, name, kind in [line.split()]
    }
    assert {name for name, kind in types.items() if kind == "counter"} >= COUNTERS
    assert {name for name, kind in types.items() if kind == "gauge"} >= GAUGES
    assert {name for name, kind in types.items() if kind == "histogram"} >= HISTOGRAMS


def test_metrics_move(server_process: ServerProcess, segment_name: str) -> None:
    """With a camera, a viewer and a recording every figure that should move does."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        Peer(server_process.offer) as peer,
    ):
        peer.wait_for(15)
        server_process.post("/start")
        before = scrape(server_process)
        peer.wait_for_more(45)
        after = scrape(server_process)
        server_process.post("/stop")
    moved = {name: after[name] - before[name] for name in before}
    for name in (
        "streaming_frames_read_total",
        "streaming_frames_processed_total",
        "streaming_webrtc_frames_sent_total",
        "streaming_recorder_frames_sent_total",
    ):
        assert moved[name] >= 15, name
    assert moved["streaming_recording_frames"] > 0
    assert moved["streaming_recording_bytes"] > moved["streaming_recording_frames"]
    for name in HISTOGRAMS:
        assert moved[f"{name}_count"] >= 15
        assert moved[f"{name}_sum"] > 0
    assert after["streaming_active_clients"] == after["streaming_total_clients"] == 1
    assert after["streaming_recording_active"] == 1
    assert after["streaming_frame_latency_ms"] > 0
    assert after["streaming_process_latency_ms"] > 0
    assert [moved[name] for name in COUNTERS if "errors" in name] == [0] * 4


def test_drops_and_errors_are_counted(server_process: ServerProcess, segment_name: str) -> None:
    """Slots that hold no H.264 count as read and dropped, and health stays reachable.

    One with a silence on either side may count as torn instead, so they come until it is enough.
    """
    deadline = time.monotonic() + 20
    with RingWriter(segment_name) as writer:
        while (figures := scrape(server_process))["streaming_process_errors_total"] < 9:
            assert time.monotonic() < deadline, figures
            writer.write(
                b"no start code",
                capture_ns=time.monotonic_ns(),
                frame_number=0,
                width=640,
                height=480,
            )
            time.sleep(0.03)
    assert figures["streaming_frames_dropped_total"] >= 9


def test_promtool_accepts_the_new_names(server_process: ServerProcess) -> None:
    """promtool has nothing to say, but about names that the contract has fixed."""
    text = requests.get(f"{server_process.urls['metrics']}/metrics", timeout=20).text
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    complaints = (done.stdout + done.stderr).splitlines()
    ours = [line for line in complaints if not line.startswith(tuple(GAUGES | COUNTERS))]
    assert ours == []
