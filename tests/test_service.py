"""petstream as a library: made, started, asked and stopped without a port."""

import threading
import time
from pathlib import Path

import pytest

from petstream.errors import StaleSessionError, UnknownViewerError
from petstream.service import Petstream, ServiceSettings
from tests.camera_process import CameraProcess
from tests.library import loopback_petstream
from tests.media import count_frames
from tests.peer import Peer
from tests.shm.ring_steps import StepRing
from tests.waiting import wait_until


def test_library_use(segment_name: str, tmp_path: Path) -> None:
    """With a camera, a viewer and a recording, from ``with`` to the end of it."""
    with CameraProcess("barcode-480p30", segment_name):
        with loopback_petstream(segment_name, tmp_path) as petstream:
            with Peer(petstream.offer) as peer:
                peer.wait_for(10)
                wait_until(lambda: petstream.health()["status"] == "ok", "all to be well")
                petstream.start_recording("mp4")
                peer.wait_for_more(45)
                status = petstream.stop_recording()
            assert status["recording"] is False
        assert {thread.name for thread in threading.enumerate()}.isdisjoint(
            {"reader", "processor", "distributor", "recorder", "webrtc"}
        )
    assert count_frames(tmp_path / str(status["filename"])) == status["frame_count"]


def test_access_units_are_urgent_for_a_viewer_and_for_a_recording(
    segment_name: str, tmp_path: Path
) -> None:
    """And for nobody else: then they may be read some at a time."""
    with loopback_petstream(segment_name, tmp_path) as petstream:
        distributor = petstream.pipeline.distributor
        assert not distributor.is_urgent
        slot = petstream.webrtc.admission.take()
        assert distributor.is_urgent
        slot.give_back()
        assert not distributor.is_urgent
        petstream.start_recording()
        assert distributor.is_urgent
        petstream.stop_recording()
        assert not distributor.is_urgent


def test_leaving_finishes_the_recording(segment_name: str, tmp_path: Path) -> None:
    """A recording that runs when the ``with`` ends is a whole file."""
    with (
        CameraProcess("barcode-480p30", segment_name),
        loopback_petstream(segment_name, tmp_path) as petstream,
    ):
        wait_until(lambda: petstream.health()["has_headers"], "the stream")
        petstream.start_recording()
        wait_until(lambda: int(str(petstream.recording_status()["frame_count"])) > 10, "frames")
    status = petstream.recording_status()
    assert status["recording"] is False
    assert count_frames(tmp_path / str(status["filename"])) == status["frame_count"]


def test_a_directory_may_be_named_by_a_string(segment_name: str, tmp_path: Path) -> None:
    """As most callers will."""
    settings = ServiceSettings(shm=segment_name, record_path=str(tmp_path / "recordings"))
    with CameraProcess("barcode-480p30", segment_name), Petstream(settings) as petstream:
        wait_until(lambda: petstream.health()["status"] == "ok", "all to be well")
        name = str(petstream.start_recording()["filename"])
        petstream.stop_recording()
    assert (tmp_path / "recordings" / name).exists()


def test_health_tells_what_is_wrong(segment_name: str, tmp_path: Path) -> None:
    """No segment, no access unit yet, all well, stale: each in words."""
    with loopback_petstream(segment_name, tmp_path) as petstream:
        wait_until(lambda: petstream.pipeline.source.fault, "a first look")
        assert "start the camera daemon" in str(petstream.health()["reasons"])
        with StepRing(segment_name):
            wait_until(lambda: petstream.pipeline.camera().attached, "the segment")
            assert "has not delivered" in str(petstream.health()["reasons"])
        with CameraProcess("barcode-480p30", segment_name) as camera:
            wait_until(lambda: petstream.health()["status"] == "ok", "all to be well")
            camera.pause()
            wait_until(lambda: petstream.health()["status"] == "degraded", "the stall")
            assert "is stale" in str(petstream.health()["reasons"])
            camera.resume()


def test_thread_that_was_restarted_is_named(
    segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a minute after a restart, health says which thread and why."""
    with loopback_petstream(segment_name, tmp_path) as petstream:
        with monkeypatch.context() as patch:
            patch.setattr(petstream.pipeline.source, "read", fail)
            wait_until(lambda: petstream.pipeline.threads[0].restarts, "a restart")
        health = petstream.health()
        assert "thread reader was restarted" in str(health["reasons"])
        assert "odd" in str(health["reasons"])


def test_thread_that_keeps_failing_is_fatal(
    segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the sixth failure in a minute the service says why the process should end."""
    petstream = loopback_petstream(segment_name, tmp_path)
    monkeypatch.setattr(petstream.pipeline.source, "read", fail)
    with petstream:
        wait_until(lambda: petstream.fatal, "the end")
        assert petstream.fatal is not None
        assert "reader" in petstream.fatal
        assert "thread reader does not run" in str(petstream.health()["reasons"])


def fail(_timeout_s: float) -> list[object]:
    """Raise what nobody expects."""
    raise ValueError("odd")


def test_stop_is_bounded_and_names_what_still_runs(
    segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that hangs delays the end by the time-out at most."""
    petstream = loopback_petstream(segment_name, tmp_path)
    entered, hang = threading.Event(), threading.Event()

    def read(_timeout_s: float) -> list[object]:
        entered.set()
        hang.wait()
        return []

    monkeypatch.setattr(petstream.pipeline.source, "read", read)
    petstream.start()
    assert entered.wait(10)
    begun = time.monotonic()
    assert petstream.stop(1.0) == ["reader"]
    assert time.monotonic() - begun < 4
    hang.set()
    assert petstream.stop() == []


def test_viewer_that_is_not_there(segment_name: str, tmp_path: Path) -> None:
    """Asking for a viewer that nobody knows is an error with its own code."""
    with loopback_petstream(segment_name, tmp_path) as petstream:
        with pytest.raises(UnknownViewerError):
            petstream.whep_delete("nobody")
        with pytest.raises((UnknownViewerError, StaleSessionError)):
            petstream.whep_trickle("nobody", "", '"tag"')
        assert petstream.viewers() == []
