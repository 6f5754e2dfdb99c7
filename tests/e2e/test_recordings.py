"""Recordings through a server: killed and started again, downloaded while they run, limited."""

import signal
import time
from pathlib import Path

import pytest
import requests

from tests.camera_process import CameraProcess
from tests.media import count_frames
from tests.server_process import ServerProcess


def test_after_kill_9_the_next_server_finishes_the_file(segment_name: str, tmp_path: Path) -> None:
    """The recording is recovered, said so in the log, and plays in both ways; MP4 and raw."""
    log: list[str] = []
    with CameraProcess("barcode-480p30", segment_name):
        for wanted in ("h264", "mp4"):
            with ServerProcess(segment_name, tmp_path) as server:
                server.post("/start", {"format": wanted})
                server.wait_for_frames(45)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
            log += server.log
        with ServerProcess(segment_name, tmp_path) as server:
            deadline = time.monotonic() + 20
            entries = server.get("/recordings")["recordings"]
            while {entry["state"] for entry in entries} != {"recovered"}:
                assert time.monotonic() < deadline, entries
                time.sleep(0.05)
                entries = server.get("/recordings")["recordings"]
            assert [entry["format"] for entry in entries] == ["mp4", "h264"]
            for entry in entries:
                url = f"{server.urls['http']}/recordings/{entry['name']}?format=mp4&download=1"
                made = tmp_path / f"made from {entry['format']}.mp4"
                made.write_bytes(requests.get(url, timeout=10).content)
                assert count_frames(made) == entry["frame_count"] >= 30
                assert f"{entry['name']}, left open by a crash" in "\n".join(log + server.log)


def test_a_recording_that_runs_is_downloaded_as_far_as_it_is(
    server_process: ServerProcess, segment_name: str, tmp_path: Path
) -> None:
    """Both as it is and as MP4; a snapshot and a thumbnail come meanwhile."""
    url = server_process.urls["http"]
    assert requests.get(f"{url}/snapshot.jpg", timeout=20).status_code == 503
    with CameraProcess("barcode-480p30", segment_name):
        server_process.wait_for_health("ok")
        name = server_process.post("/start").json()["status"]["filename"]
        server_process.wait_for_frames(30)
        for query, suffix in (("", "h264"), ("?format=mp4", "mp4")):
            part = tmp_path / f"part.{suffix}"
            part.write_bytes(requests.get(f"{url}/recordings/{name}{query}", timeout=20).content)
            assert count_frames(part) >= 30
        for path in (f"recordings/{name}/thumbnail.jpg", "snapshot.jpg"):
            answer = requests.get(f"{url}/{path}", timeout=10)
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.content.startswith(b"\xff\xd8")
        assert requests.delete(f"{url}/recordings/{name}", timeout=20).status_code == 409
        server_process.post("/stop")
        assert requests.delete(f"{url}/recordings/{name}", timeout=20).json() == {"success": True}
        assert server_process.get("/recordings") == {"recordings": []}


@pytest.mark.nightly
def test_limits_come_from_flags(segment_name: str, tmp_path: Path) -> None:
    """Files are segments, the recording ends by itself, and a full quota refuses the next one."""
    flags = ["-record-segment=1", "-record-max-duration=3", "-record-quota=1M"]
    with (
        CameraProcess("bbb-1080p30", segment_name),
        ServerProcess(segment_name, tmp_path, *flags) as server,
    ):
        server.wait_for_health("ok")
        server.post("/start")
        deadline = time.monotonic() + 20
        while (status := server.get("/status"))["recording"]:
            assert time.monotonic() < deadline, status
            for entry in server.get("/recordings")["recordings"]:
                requests.post(
                    f"{server.urls['http']}/recordings/{entry['name']}/protect", timeout=20
                )
            time.sleep(0.05)
        assert status["state"] in {"finished", "error"}, status
        assert status["duration_ms"] <= 3040
        assert len(status["files"]) >= 2
        refused = server.post("/start")
        assert (refused.status_code, refused.json()["error"]) == (507, "no_space")
        assert "-record-quota" in refused.json()["message"]
        degraded = server.wait_for_health("degraded")
        assert any(reason.startswith("the disk is low: ") for reason in degraded["reasons"])
