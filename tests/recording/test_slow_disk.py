"""A disk that takes half a second for each write, and one that stands still."""

import functools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from petstream.distributor import Distributor, Subscription
from petstream.h264.access_unit import AccessUnit
from petstream.h264.sei import find_stamp
from petstream.recording import Recorder
from petstream.recording.syscalls import Syscalls
from simulator.viewer import Received, Viewer
from tests.camera_process import CameraProcess
from tests.library import loopback_petstream
from tests.recording.helpers import (
    access_units,
    annexb,
    decoded_frames,
    encode,
    running,
    wait_until,
)
from tests.scale import scaled, within

WRITE_S = scaled(0.1, 0.5)
STALL_S = scaled(0.0, 30.0)  # beyond what the queue can hold
QUEUE = 60  # access units


class SlowDisk(Syscalls):
    """Writes take ``write_s``, and stand still for as long as ``goes_on`` is clear."""

    def __init__(self) -> None:
        self.write_s = 0.0
        self.goes_on = threading.Event()
        self.goes_on.set()

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write, after a while."""
        time.sleep(self.write_s)
        assert self.goes_on.wait(60)
        return super().write(fd, data)


def watch(viewer: Subscription, seen: list[AccessUnit], until: int) -> None:
    """Be a viewer: take everything, up to the access unit of that number."""
    while not seen or seen[-1].sequence != until:
        access_unit = viewer.get(20.0 + STALL_S)
        assert access_unit is not None, "the viewer was held up"
        seen.append(access_unit)


@contextmanager
def recording_and_watching(
    directory: Path, wanted: str, disk: SlowDisk, units: list[AccessUnit]
) -> Iterator[tuple[Recorder, Distributor, Subscription]]:
    """A recorder on that disk, and a viewer, who in the end has got every access unit."""
    recorder, distributor = Recorder(directory, syscalls=disk, answer_timeout_s=60), Distributor()
    seen: list[AccessUnit] = []
    with (
        distributor.subscribe("recorder", max_items=QUEUE) as source,
        distributor.subscribe("viewer", max_items=len(units)) as viewer,
        running(recorder, source),
    ):
        recorder.start(wanted)
        watching = threading.Thread(target=watch, args=(viewer, seen, len(units) - 1))
        watching.start()
        yield recorder, distributor, source
        watching.join(30)
        disk.goes_on.set()
        disk.write_s = 0.0
    assert seen == units


def publish(distributor: Distributor, source: Subscription, units: list[AccessUnit]) -> None:
    """As a camera does, only faster."""
    for unit in units:
        distributor.publish(unit)
        assert source.queued <= QUEUE
        time.sleep(0.002)


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c04_slow_writes_cost_whole_gops_and_no_viewer(tmp_path: Path, wanted: str) -> None:
    """The recorder's queue is full all the time, and stays bounded; what gets through decodes."""
    units = access_units(encode(50) * scaled(8, 20))
    disk = SlowDisk()
    with recording_and_watching(tmp_path, wanted, disk, units) as (recorder, distributor, source):
        disk.write_s = WRITE_S
        publish(distributor, source, units)
        disk.write_s = 0.0
        wait_until(lambda: source.queued == 0)
        status = recorder.stop()
    assert status.error is None
    assert source.dropped > len(units) // 2
    assert status.frame_count + source.dropped == len(units)
    assert decoded_frames(tmp_path / str(status.filename)) == status.frame_count


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c04_a_stall_costs_whole_gops_and_no_viewer(tmp_path: Path, wanted: str) -> None:
    """A disk that stands still leaves one gap, which is counted and begins and ends at an IDR."""
    units = access_units(encode(50) * 20)
    disk = SlowDisk()
    with recording_and_watching(tmp_path, wanted, disk, units) as (recorder, distributor, source):
        publish(distributor, source, units[:200])
        disk.goes_on.clear()
        publish(distributor, source, units[200:700])
        time.sleep(STALL_S)
        disk.goes_on.set()
        wait_until(lambda: source.queued == 0)
        publish(distributor, source, units[700:])
        status = recorder.stop()
    assert (status.error, status.frame_count + status.dropped) == (None, len(units))
    assert status.dropped == source.dropped > 400
    path = tmp_path / str(status.filename)
    assert decoded_frames(path) == status.frame_count
    if wanted == "h264":
        kept = units[: 700 - status.dropped]
        assert path.read_bytes() == annexb(kept + units[700:])


@pytest.mark.nightly
@pytest.mark.realtime
def test_c04_a_viewer_is_as_quick_as_before(
    segment_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the 99th of a hundred access units takes from capture to a viewer grows by 5 ms at most.

    While every write of a recording takes half a second, against the seconds before it began.
    """
    disk = SlowDisk()
    monkeypatch.setattr("petstream.service.Recorder", functools.partial(Recorder, syscalls=disk))
    with (
        CameraProcess("barcode-480p30", segment_name, "--stamp"),
        loopback_petstream(segment_name, tmp_path) as petstream,
        Viewer(petstream.offer) as viewer,
    ):
        viewer.wait_for(60)
        before = viewer.wait_for_more(900, timeout_s=60)
        disk.write_s = WRITE_S
        petstream.start_recording()
        during = viewer.wait_for_more(900, timeout_s=60)
        disk.write_s = 0.0
        status = petstream.stop_recording()
    dropped = status["dropped"]
    assert isinstance(dropped, int)
    assert dropped > 0, "the disk was quick enough"
    print(f"p99 before {p99_ms(before):.1f} ms, during {p99_ms(during):.1f} ms")
    within("ms that a slow disk costs a viewer, p99", p99_ms(during) - p99_ms(before), 5)


def p99_ms(units: list[Received]) -> float:
    """What the 99th of a hundred access units took from capture to arrival."""
    took_ns = []
    for unit in units:
        stamp = find_stamp(unit.nal_units)
        assert stamp is not None
        took_ns.append(unit.arrived_ns - stamp.capture_ns)
    return sorted(took_ns)[len(took_ns) * 99 // 100] / 1e6
