"""A disk that takes half a second for each write, and one that stands still."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from petstream.distributor import Distributor, Subscription
from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder
from petstream.recording.syscalls import Syscalls
from tests.recording.helpers import (
    access_units,
    annexb,
    decoded_frames,
    encode,
    running,
    wait_until,
)
from tests.scale import scaled

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
