"""SIGTERM in every state: files finished, viewers told, exit code 0."""

from pathlib import Path

import pytest

from tests.camera_process import CameraProcess
from tests.media import count_frames
from tests.peer import Peer, make_offer
from tests.scale import within
from tests.server_process import ServerProcess

LIMIT_S = 5.0


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Where the server of these tests records."""
    return tmp_path / "recordings"


def test_idle_without_a_camera(server_process: ServerProcess) -> None:
    """A server that waits for its camera ends at once."""
    code, took_s = server_process.terminate()
    assert code == 0
    within("s until the end", took_s, LIMIT_S)


@pytest.mark.parametrize("format", ["h264", "mp4"])
def test_with_viewers_and_a_recording(
    server_process: ServerProcess, segment_name: str, recordings: Path, format: str
) -> None:
    """With viewers connected and a recording running, the file is finished and plays."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        Peer(server_process.offer) as first,
        Peer(server_process.offer) as second,
    ):
        first.wait_for(10)
        second.wait_for(10)
        started = server_process.post("/start", {"format": format}).json()
        server_process.wait_for_frames(40)
        code, took_s = server_process.terminate()
        first.wait_for_state("closed")
        second.wait_for_state("closed")
    assert code == 0
    within("s until the end", took_s, LIMIT_S)
    assert count_frames(recordings / started["status"]["filename"]) >= 40


def test_while_a_viewer_negotiates(server_process: ServerProcess) -> None:
    """A viewer that has its answer, but has not connected, does not delay the end."""
    server_process.offer(make_offer())
    code, took_s = server_process.terminate()
    assert code == 0
    within("s until the end", took_s, LIMIT_S)
