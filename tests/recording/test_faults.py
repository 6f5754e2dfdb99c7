"""Disks that fail: every system call in turn, and file systems that fill."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from petstream.errors import NoSpaceError, RecordingError
from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder, RecordingFormat, RecordingStatus
from petstream.recording.engine import Engine
from petstream.recording.syscalls import Syscalls
from tests.recording.helpers import (
    access_units,
    annexb,
    decode_errors,
    encode,
    new_engine,
    new_source,
    open_fds,
    packet_times,
    put_all,
    running,
    small_disk,
    wait_until,
)
from tests.scale import scaled

CALLS = [name for name in vars(Syscalls) if not name.startswith("_") and name != "writable"]


class Failing(Syscalls):
    """Real system calls, except that the n-th raises; a write first writes a part."""

    def __init__(self, nth: int, code: int) -> None:
        self.left = nth
        self.code = code
        self.failed = ""  # the name of the call that was made to fail

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return self._wrap(name, value) if name in CALLS else value

    def _wrap(self, name: str, call: Any) -> Any:
        def wrapped(*arguments: Any) -> Any:
            self.left -= 1
            if self.left != 0:
                return call(*arguments)
            self.failed = name
            if name == "write":
                call(arguments[0], arguments[1][: len(arguments[1]) // 2])
            elif name == "close":
                call(*arguments)  # close lets go of the descriptor also when it complains
            raise OSError(self.code, os.strerror(self.code))

        return wrapped


def record(directory: Path, syscalls: Syscalls, wanted: str, units: list[AccessUnit]) -> Engine:
    """Start, write, with 0.4 s for each access unit, and stop; all in this thread."""
    engine = new_engine(directory, clock_step_ns=400_000_000, syscalls=syscalls)
    source = new_source()
    engine.attach(source)
    put_all(source, units)
    engine.start(RecordingFormat(wanted), None)
    while engine.status.recording and engine.step(0.0):
        continue
    if engine.status.recording:
        engine.stop(0)
    return engine


def check_files(directory: Path, status: RecordingStatus, units: list[AccessUnit]) -> None:
    """The files hold the first ``frame_count`` access units, and not a byte more."""
    if status.format == "h264":
        written = b"".join((directory / name).read_bytes() for name in status.files)
        assert written == annexb(units[: status.frame_count])
        return
    counts = [
        len(packet_times(directory / name))
        for name in status.files
        if (directory / name).stat().st_size
    ]
    assert sum(counts) == status.frame_count


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c01_every_system_call_may_fail(tmp_path: Path, wanted: str, code: int) -> None:
    """Whichever call fails, files end on a boundary, the status tells, no descriptor stays."""
    units = access_units(encode(14))
    units += access_units(encode(4, width=320, height=240), first=14)
    failed: dict[str, set[str]] = {}
    refusals: set[type[RecordingError]] = set()
    for nth in range(1, 10_000):
        directory = tmp_path / str(nth)
        syscalls = Failing(nth, code)
        before = open_fds()
        try:
            engine = record(directory, syscalls, wanted, units)
        except RecordingError as error:
            outcome = "refused"
            refusals.add(type(error))
            assert not directory.exists() or not any(directory.iterdir())
        else:
            outcome = engine.status.state
            check_files(directory, engine.status, units)
            assert engine.counters.errors == (outcome == "error")
            if outcome == "error":
                assert os.strerror(code).lower() in str(engine.status.error)
                assert engine.status.frame_count + engine.status.dropped <= len(units)
        assert open_fds() == before
        if not syscalls.failed:
            break
        failed.setdefault(syscalls.failed, set()).add(outcome)
    assert outcome == "finished"
    assert refusals == {NoSpaceError if code == errno.ENOSPC else RecordingError}
    assert engine.status.frame_count == 18
    # The first write is that of the sidecar's header, before the start is answered.
    assert failed["write"] == {"refused", "error"}
    assert failed["fdatasync"] == {"error"}
    assert failed["mkdir"] == {"refused"}
    assert failed["fsync"] == ({"refused"} if wanted == "h264" else {"refused", "error"})
    # The directory's descriptor, closed last, carried no data.
    assert failed["close"] == {"error", "finished"}


class CutFails(Syscalls):
    """One write fails halfway, and so does the first attempt to cut its part off."""

    def __init__(self, nth_write: int) -> None:
        self.writes = nth_write
        self.cuts = 1

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write, or write half and fail."""
        self.writes -= 1
        if self.writes == 0:
            super().write(fd, data[: len(data) // 2])
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(fd, data)

    def ftruncate(self, fd: int, size: int) -> None:
        """Fail once."""
        self.cuts -= 1
        if self.cuts >= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().ftruncate(fd, size)


def test_a_cut_that_fails_is_tried_again_at_the_close(tmp_path: Path) -> None:
    """The part of an access unit is gone even when the disk fails twice."""
    units = access_units(encode(10))
    engine = record(tmp_path, CutFails(11), "h264", units)
    assert (engine.status.state, engine.status.frame_count) == ("error", 4)
    check_files(tmp_path, engine.status, units)


class ShortWrites(Syscalls):
    """A disk that takes 100 bytes at a time."""

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write a little."""
        return super().write(fd, data[:100])


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c01_short_writes_lose_nothing(tmp_path: Path, wanted: str) -> None:
    """A file written in many small parts is the same file."""
    units = access_units(encode(20))
    engine = record(tmp_path, ShortWrites(), wanted, units)
    assert engine.status.frame_count == 20
    check_files(tmp_path, engine.status, units)


@pytest.mark.parametrize("run", range(scaled(1, 10)))
@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_c02_a_disk_that_fills_ends_the_recording(tmp_path: Path, wanted: str, run: int) -> None:
    """The file plays, the status says why it ended, and the next start is refused."""
    del run
    units = access_units(encode(20, width=640, height=480) * 40)
    assert sum(unit.size for unit in units) > 2**20
    recorder, source = Recorder(tmp_path / "disk"), new_source()
    with small_disk(tmp_path / "disk", "1m") as disk, running(recorder, source):
        recorder.start(wanted)
        put_all(source, units)
        wait_until(lambda: not recorder.status().recording)
        status = recorder.status()
        assert (status.state, status.error) == (
            "error",
            f"cannot write {status.filename}: no space left on device",
        )
        assert status.frame_count > 0
        check_files(disk, status, units)
        assert decode_errors(disk / str(status.filename)) == ""
        with pytest.raises(NoSpaceError, match="are needed; delete recordings"):
            recorder.start(wanted)
