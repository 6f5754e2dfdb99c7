"""Many callers at once, and one whose disk hangs."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from petstream.errors import AlreadyRecordingError, NotRecordingError, UnavailableError
from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder
from petstream.recording.catalog import Catalog
from petstream.recording.entry import State
from petstream.recording.syscalls import Syscalls
from tests.recording.helpers import (
    access_units,
    encode,
    new_source,
    open_fds,
    put_all,
    recordings,
    running,
    wait_until,
)
from tests.scale import scaled

THREADS = scaled(8, 64)
ROUNDS = scaled(20, 1000)


def test_c09_of_many_callers_one_wins(tmp_path: Path) -> None:
    """Threads start and stop at once: one file for each success, one stop for each start."""
    recorder, source = Recorder(tmp_path, answer_timeout_s=60), new_source()
    outcomes: Counter[str] = Counter()
    names: list[str | None] = []
    ready = threading.Barrier(THREADS)

    def call() -> None:
        ready.wait()
        for _ in range(ROUNDS):
            try:
                names.append(recorder.start().filename)
            except AlreadyRecordingError:
                continue
            try:
                recorder.stop()
            except NotRecordingError:
                outcomes["stopped by another"] += 1
            else:
                outcomes["stopped"] += 1

    with running(recorder, source):
        threads = [threading.Thread(target=call, name=f"caller {n}") for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert not recorder.status().recording
    assert 0 < len(names) == len(set(names)) == outcomes["stopped"]
    assert outcomes["stopped by another"] == 0
    assert {path.name for path in recordings(tmp_path)} == set(names)
    assert recorder.counters.recordings == len(names)


def test_starts_and_stops_race_with_the_stream(tmp_path: Path) -> None:
    """While access units pour in, each file holds as many as its status says."""
    units: list[AccessUnit] = []
    for turn in range(40):
        units += access_units(encode(10), first=10 * turn)
    recorder, source = Recorder(tmp_path), new_source()
    done = threading.Event()

    def pour() -> None:
        for unit in units:
            put_all(source, [unit])
            done.wait(0.002)
        done.set()

    sizes: dict[str, int] = {}
    with running(recorder, source):
        pouring = threading.Thread(target=pour, name="camera")
        pouring.start()
        while not done.is_set():
            recorder.start()
            status = recorder.stop()
            sizes[str(status.filename)] = status.bytes_written
        pouring.join()
    assert {path.name: path.stat().st_size for path in recordings(tmp_path)} == sizes
    assert sum(size > 0 for size in sizes.values()) > 1


def test_the_catalogue_tells_the_truth_at_any_moment(tmp_path: Path) -> None:
    """Whoever lists while recordings begin, end and are removed sees each right, or not at all."""
    recorder, source, catalog = Recorder(tmp_path), new_source(), Catalog(tmp_path)
    units = access_units(encode(10))
    done = threading.Event()
    seen: Counter[str] = Counter()

    def look() -> None:
        while not done.is_set():
            seen.update(entry.state for entry in catalog.entries())

    with running(recorder, source):
        looking = threading.Thread(target=look, name="looking")
        looking.start()
        for turn in range(60):
            name = str(recorder.start("mp4" if turn % 2 else "h264").filename)
            put_all(source, units)
            recorder.stop()
            if turn % 3 == 0:
                catalog.remove(name)
        done.set()
        looking.join()
    assert set(seen) == {State.RECORDING, State.FINISHED}
    assert {entry.frame_count for entry in catalog.entries()} == {10}


def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    """A hundred recordings later, the process has the files open that it had before."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start("mp4")
        recorder.stop()
        before = open_fds()
        for turn in range(100):
            recorder.start("mp4" if turn % 2 else "h264")
            put_all(source, access_units(encode(2)))
            recorder.stop()
        assert open_fds() == before


class Hanging(Syscalls):
    """A disk on which one call does not return until it is let go."""

    def __init__(self, call: str) -> None:
        self.call = call
        self.healthy = False  # as long as it is, nothing hangs
        self.hanging = threading.Event()
        self.released = threading.Event()

    def _hang(self, call: str) -> None:
        if call == self.call and not self.healthy and not self.released.is_set():
            self.hanging.set()
            assert self.released.wait(30)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write, after a while."""
        self._hang("write")
        return super().write(fd, data)

    def fsync(self, fd: int) -> None:
        """Sync, after a while."""
        self._hang("fsync")
        super().fsync(fd)


def test_a_start_that_comes_too_late_is_undone(tmp_path: Path) -> None:
    """A caller who was told that nothing is recorded was told the truth."""
    disk = Hanging("fsync")
    recorder, source = Recorder(tmp_path, answer_timeout_s=0.1, syscalls=disk), new_source()
    with running(recorder, source):
        with pytest.raises(UnavailableError, match="is the disk hanging"):
            recorder.start()
        assert disk.hanging.is_set()
        disk.released.set()
        wait_until(lambda: not any(tmp_path.iterdir()))
        assert recorder.status().state == "idle"


def test_a_disk_that_hangs_holds_up_nobody_else(tmp_path: Path) -> None:
    """While a write hangs, status answers at once and stop in time; afterwards all is written."""
    disk = Hanging("write")
    disk.healthy = True
    recorder, source = Recorder(tmp_path, answer_timeout_s=0.2, syscalls=disk), new_source()
    with running(recorder, source):
        recorder.start()
        disk.healthy = False
        put_all(source, access_units(encode(20)))
        assert disk.hanging.wait(10)
        assert recorder.status().recording
        with pytest.raises(UnavailableError, match="is the disk hanging"):
            recorder.stop()
        assert not recorder.close(timeout_s=0.1)
        disk.released.set()
        wait_until(lambda: recorder.status().frame_count == 20)
    assert recorder.status().state == "finished"
