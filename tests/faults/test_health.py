"""Health tells the truth: each fault of RELIABILITY A, C and E within two seconds, in words."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from petstream import Petstream, ServiceSettings
from simulator import Camera
from tests.scale import within

LIMIT_S = 2.0
PATIENCE_S = 15.0


class Scene:
    """A running system with a camera, to which something happens.

    Attributes:
        segment, records: paths.
        undo: what ends a fault that would outlast the test.
    """

    def __init__(self, segment_name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.segment = Path("/dev/shm") / segment_name[1:]
        self.records = folder / "recordings"
        self.records.mkdir()
        self.monkeypatch = monkeypatch
        self.undo = threading.Event()
        self.camera = Camera("barcode-480p30", shm=segment_name, loop=True)
        self.petstream = Petstream(ServiceSettings(shm=segment_name, record_path=self.records))

    def wait(self, reached: Callable[[], bool], limit_s: float) -> float | None:
        """How long it took; None if it did not happen in time."""
        begin = time.monotonic()
        while not reached():
            if time.monotonic() - begin > limit_s:
                return None
            time.sleep(0.02)
        return time.monotonic() - begin

    def reasons(self) -> str:
        """All reasons in one text; empty when all is well."""
        report = self.petstream.health()
        reasons = report["reasons"]
        assert isinstance(reasons, list)
        assert report["status"] == ("degraded" if reasons else "ok")
        return "\n".join(reasons)

    def raise_once(self, owner: object, name: str) -> None:
        """The next call of a method raises."""
        method = getattr(owner, name)

        def fail(*_: object, **__: object) -> None:
            setattr(owner, name, method)
            raise RuntimeError("a fault")

        setattr(owner, name, fail)


@pytest.fixture
def scene(segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A system that is well."""
    scene = Scene(segment_name, tmp_path, monkeypatch)
    scene.camera.start()
    with scene.petstream:
        assert scene.wait(lambda: not scene.reasons(), 15) is not None, scene.reasons()
        yield scene
        scene.undo.set()
        monkeypatch.undo()
    scene.camera.stop()
    scene.camera.close()
    if scene.segment.is_dir():
        scene.segment.rmdir()


def replace_segment(content: bytes | None) -> Callable[[Scene], object]:
    """Another thing by the segment's name; None for a directory."""

    def fault(scene: Scene) -> None:
        scene.camera.stop()
        scene.segment.unlink()
        if content is None:
            scene.segment.mkdir()
        else:
            scene.segment.write_bytes(content)

    return fault


def stall(scene: Scene) -> None:
    """A15: the daemon lives and writes nothing."""
    scene.camera.stop()


def die_in_mid_copy(scene: Scene) -> None:
    """A4: claimed, and never finished."""
    scene.camera.stop()
    scene.camera.writer.claim()


def unlink(scene: Scene) -> None:
    """A5: the daemon has ended and taken its segment with it."""
    scene.camera.stop()
    scene.segment.unlink()


def truncate(scene: Scene) -> None:
    """A6: somebody cuts it; a writer that has it mapped would get SIGBUS."""
    scene.camera.stop()
    os.truncate(scene.segment, 4096)


def write_nonsense(**fields: int) -> Callable[[Scene], object]:
    """A8, A9: slots that are whole and of no use, at ten a second."""

    def fault(scene: Scene) -> None:
        scene.camera.stop()
        writer = scene.camera.writer
        writer.fill(b"\0\0\0\1\x65", frame_number=1, capture_ns=time.monotonic_ns())
        for name, value in fields.items():
            setattr(writer.frame, name, value)

        def write() -> None:
            while not scene.undo.wait(0.1):
                writer.copy(writer.claim())
                writer.post()

        threading.Thread(target=write).start()

    return fault


def record_without_directory(scene: Scene) -> None:
    """C3: the directory goes while a recording runs."""
    scene.petstream.start_recording()
    scene.records.rename(scene.records.with_name("elsewhere"))


def write_fails(scene: Scene) -> None:
    """C1: the disk returns an error."""

    def fail(*_: object) -> int:
        raise OSError(5, os.strerror(5))

    scene.petstream.start_recording()
    scene.monkeypatch.setattr("petstream.recording.syscalls.Syscalls.write", fail)


def write_hangs(scene: Scene) -> None:
    """C4: the disk does not return at all."""
    scene.petstream.start_recording()
    scene.wait(lambda: scene.petstream.recorder.status().frame_count > 0, 15)
    scene.monkeypatch.setattr(
        "petstream.recording.syscalls.Syscalls.write", lambda *_: scene.undo.wait() * 0
    )


def disk_hangs(scene: Scene) -> None:
    """C4: not even to the question for free space."""
    scene.monkeypatch.setattr("petstream.disk.os.statvfs", lambda _: scene.undo.wait())


def disk_is_low(scene: Scene) -> None:
    """C2: before the disk is full."""
    scene.monkeypatch.setattr("petstream.recording.housekeeper.LOW_BYTES", 2**62)


def directory_is_a_file(scene: Scene) -> None:
    """C3: no recording could be made."""
    scene.records.rmdir()
    scene.records.write_text("")


def fail_once(part: str, method: str) -> Callable[[Scene], object]:
    """E1: a thread raises."""

    def fault(scene: Scene) -> None:
        owner: object = scene.petstream
        for name in part.split("."):
            owner = getattr(owner, name)
        scene.raise_once(owner, method)

    return fault


def fail_for_good(scene: Scene) -> None:
    """E1: a thread that keeps failing is given up."""
    scene.monkeypatch.setattr("petstream.threads.RESTART_DELAY_S", 0.01)

    def fail(_: float) -> None:
        raise RuntimeError("a fault")

    scene.monkeypatch.setattr(scene.petstream.pipeline.source, "read", fail)


def fail_on_the_loop(scene: Scene) -> None:
    """E1: what all viewers share fails."""

    def fail() -> None:
        raise RuntimeError("a fault")

    scene.petstream.webrtc.loop.call_soon(fail)


def block_loop(scene: Scene) -> None:
    """E2: a callback does not return."""

    def block() -> None:
        scene.undo.wait(5)

    scene.petstream.webrtc.loop.call_soon(block)


def hang_processor(scene: Scene) -> None:
    """E1: a thread that neither raises nor goes on."""
    process = scene.petstream.pipeline.processor.process

    def hang(slot: object) -> object:
        scene.undo.wait()
        return process(slot)  # type: ignore[arg-type]

    scene.monkeypatch.setattr(scene.petstream.pipeline.processor, "process", hang)


FAULTS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "A4 writer dies in mid-copy": (die_in_mid_copy, r"stale: no access unit for \d"),
    "A5 segment unlinked": (unlink, r"no camera: .*(unlinked|No such file).*start the camera"),
    "A6 segment truncated to a page": (truncate, r"no camera: .*4096.*93313480"),
    "A7 segment of another size": (replace_segment(b"short"), r"has 5 bytes.*93313480"),
    "A7 segment of no size": (replace_segment(b""), "has 0 bytes.*still being made"),
    "A7 a directory": (replace_segment(None), "is not a shared-memory segment"),
    "A8 data_size of 2^63": (write_nonsense(data_size=2**63), r"of no use; so far \w+ \d"),
    "A8 data_size of 0": (write_nonsense(data_size=0), r"of no use; so far \w+ \d"),
    "A9 format JPEG": (write_nonsense(format=0), r"of no use; so far \w+ \d"),
    "A15 camera stalls": (stall, r"stale: no access unit for \d"),
    "C1 write fails": (write_fails, "last recording failed: .*input/output error"),
    "C2 disk is low": (disk_is_low, r"disk is low: .* are free"),
    "C3 directory removed under a recording": (
        record_without_directory,
        "last recording failed: .*(removed|no such file)",
    ),
    "C3 directory is a file": (directory_is_a_file, "cannot be made: .*not a directory"),
    "C4 write hangs": (write_hangs, r"thread recorder has hung for \d"),
    "C4 disk hangs": (disk_hangs, r"has not answered for \d"),
    "E1 reader raises": (fail_once("pipeline.source", "read"), "reader was restarted .*a fault"),
    "E1 processor raises": (
        fail_once("pipeline.processor", "process"),
        "processor was restarted .*a fault",
    ),
    "E1 distributor raises": (
        fail_once("pipeline.distributor", "publish"),
        "distributor was restarted .*a fault",
    ),
    "E1 recorder raises": (fail_once("recorder_source", "get"), "recorder was restarted .*a fault"),
    "E1 event loop raises": (fail_on_the_loop, "webrtc was restarted .*a fault"),
    "E1 disk thread raises": (fail_once("disk", "measure"), "disk was restarted .*a fault"),
    "E1 reader keeps failing": (fail_for_good, "thread reader does not run"),
    "E1 processor hangs": (hang_processor, r"thread processor has hung for \d"),
    "E2 event loop is blocked": (block_loop, r"event loop has been blocked for \d"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_health_names_the_fault(scene: Scene, name: str) -> None:
    """From "ok" to the reason within two seconds."""
    fault, wanted = FAULTS[name]
    fault(scene)
    told_s = scene.wait(lambda: re.search(wanted, scene.reasons()) is not None, PATIENCE_S)
    assert told_s is not None, scene.reasons()
    within(f"{name}, s", told_s, LIMIT_S)


def test_health_is_well_again(scene: Scene, segment_name: str) -> None:
    """A camera that comes back takes its reason with it."""
    stall(scene)
    scene.camera.close()
    assert scene.wait(lambda: scene.reasons() != "", PATIENCE_S) is not None
    with Camera("barcode-480p30", shm=segment_name, loop=True):
        well_s = scene.wait(lambda: not scene.reasons(), PATIENCE_S)
    assert well_s is not None
    within("well again, s", well_s, LIMIT_S)
