"""Catalogue, housekeeping and pictures: what REST reaches of the recordings there are."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from petstream.errors import (
    NoPictureError,
    NoSpaceError,
    RecordingInUseError,
    RecordingProtectedError,
    UnknownRecordingError,
)
from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder
from petstream.recording.catalog import Catalog
from petstream.recording.housekeeper import Housekeeper
from petstream.recording.library import Library
from petstream.recording.retention import NO_RETENTION, Retention
from petstream.recording.sidecar import SUFFIX
from tests.recording.helpers import (
    access_units,
    encode,
    new_source,
    put_all,
    recordings,
    running,
    wait_until,
)

MIB = 2**20
LINKS = "recording_20251226_223031.h264"


def record(directory: Path, count: int, wanted: str = "h264") -> list[str]:
    """Finished recordings of twenty access units each, the oldest first."""
    recorder, source = Recorder(directory), new_source()
    names = []
    with running(recorder, source):
        for _ in range(count):
            names.append(str(recorder.start(wanted).filename))
            put_all(source, access_units(encode(20)))
            recorder.stop()
    return names


@contextmanager
def library(
    directory: Path, retention: Retention = NO_RETENTION, newest: AccessUnit | None = None
) -> Iterator[Library]:
    """A running one; a fault in its threads fails the test."""
    faults: list[str] = []
    made = Library(
        directory,
        retention=retention,
        newest_idr=lambda: newest,
        on_fatal=lambda name, error: faults.append(f"{name}: {error!r}"),
        clock=lambda: 0 if newest is None else newest.read_ns + 10**9,
    )
    made.start()
    try:
        yield made
    finally:
        assert made.stop(5.0) == []
        assert [thread.fault for thread in made.threads] == [None, None]
    assert not faults


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height, by another decoder run."""
    decoder = av.CodecContext.create("mjpeg", "r")
    (frame,) = [*decoder.decode(av.Packet(jpeg)), *decoder.decode(None)]
    assert isinstance(frame, av.VideoFrame)
    return frame.width, frame.height


def test_entries_have_the_keys_of_the_contract(tmp_path: Path) -> None:
    """The newest comes first, with figures as the status gave them."""
    first, second = record(tmp_path, 2)
    with library(tmp_path) as made:
        entries = made.entries()
    assert [entry["name"] for entry in entries] == [second, first]
    assert list(entries[0]) == [
        "name",
        "start_time",
        "duration_ms",
        "size_bytes",
        "frame_count",
        "format",
        "state",
        "protected",
    ]
    assert {key: entries[1][key] for key in list(entries[1])[2:]} == {
        "duration_ms": 667,
        "size_bytes": (tmp_path / first).stat().st_size,
        "frame_count": 20,
        "format": "h264",
        "state": "finished",
        "protected": False,
    }
    assert str(entries[0]["start_time"]).endswith("Z")


def test_c08_other_files_are_nobodys_business(tmp_path: Path) -> None:
    """What is not a recording's name is neither listed nor found, and links are not followed."""
    (tmp_path / "holiday.mp4").write_bytes(b"mine")
    (tmp_path / "recording_20259999_000000.h264").touch()
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / LINKS).symlink_to(tmp_path / "outside")
    catalog = Catalog(tmp_path)
    assert catalog.entries() == []
    for name in ("holiday.mp4", "outside", "..", "/etc/passwd", "a\0b", LINKS, f"../{LINKS}"):
        with pytest.raises(UnknownRecordingError):
            catalog.remove(name)
    for name in ("holiday.mp4", "outside", "..", "/etc/passwd", "a\0b", f"../{LINKS}"):
        with pytest.raises(UnknownRecordingError):
            catalog.open(name)
    with pytest.raises(OSError, match="symbolic links"):
        catalog.open(LINKS)
    assert {path.name for path in tmp_path.iterdir()} >= {"holiday.mp4", "outside", LINKS}


def test_a_directory_that_is_not_there_has_no_recordings(tmp_path: Path) -> None:
    """Before the first recording the list is empty and nothing is wrong."""
    with library(tmp_path / "later") as made:
        assert made.entries() == []
        made.make_room()
        assert made.reasons() == []


def test_delete_removes_both_files(tmp_path: Path) -> None:
    """The sidecar goes with its recording, and a second time there is nothing to remove."""
    (name,) = record(tmp_path, 1)
    with library(tmp_path) as made:
        made.delete(name)
        with pytest.raises(UnknownRecordingError):
            made.delete(name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_or_protected_is_not_removed(tmp_path: Path) -> None:
    """Both are said, and both end."""
    recorder, source = Recorder(tmp_path), new_source()
    with library(tmp_path) as made, running(recorder, source):
        name = str(recorder.start().filename)
        put_all(source, access_units(encode(20)))
        wait_until(lambda: recorder.status().frame_count == 20)
        assert made.entries()[0]["state"] == "recording"
        assert made.entries()[0]["frame_count"] == 20
        with pytest.raises(RecordingInUseError, match="is being written"):
            made.delete(name)
        assert made.protect(name, True)["protected"]
        recorder.stop()
        assert made.entries()[0]["protected"]
        assert made.entries()[0]["state"] == "finished"
        with pytest.raises(RecordingProtectedError, match="is protected"):
            made.delete(name)
        assert (tmp_path / name).stat().st_mode & 0o222 == 0
        assert not made.protect(name, False)["protected"]
        made.delete(name)


def test_what_a_crash_left_is_found_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Open files are finished and reported, and a sidecar alone is removed."""
    first, second, third = record(tmp_path, 3)
    for name in (first, second):  # the END is what a crash leaves out
        sidecar = tmp_path / (name + SUFFIX)
        os.truncate(sidecar, sidecar.stat().st_size - 40)
    os.truncate(tmp_path / second, (tmp_path / second).stat().st_size - 5)
    (tmp_path / third).unlink()
    with library(tmp_path) as made:
        wait_until(lambda: made.housekeeper.recovered == 2)
        states = {entry["name"]: (entry["state"], entry["frame_count"]) for entry in made.entries()}
    assert states == {first: ("recovered", 20), second: ("recovered", 19)}
    assert not (tmp_path / (third + SUFFIX)).exists()
    assert f"{second}, left open by a crash, is recovered: 19 access units" in caplog.text


def test_what_an_error_leaves_open_is_found_later(tmp_path: Path) -> None:
    """A file without its END, that nobody writes, is finished after a few looks."""
    keeper = Housekeeper(Catalog(tmp_path), NO_RETENTION)
    keeper.begin()
    (name,) = record(tmp_path, 1)
    sidecar = tmp_path / (name + SUFFIX)
    os.truncate(sidecar, sidecar.stat().st_size - 40)
    for _ in range(3):
        assert keeper.recovered == 0
        keeper.look()
    keeper.look()
    assert keeper.recovered == 1


def test_quota_removes_and_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start makes room first; when all is protected, it is refused with the reason."""
    monkeypatch.setattr("petstream.recording.retention.MARGIN_MAX", 0)
    names = record(tmp_path, 4)
    disk_bytes = sum(path.stat().st_size for path in tmp_path.iterdir())
    with library(tmp_path, Retention(quota_bytes=disk_bytes * 3 // 4)) as made:
        made.make_room()
        assert [path.name for path in recordings(tmp_path)] == sorted(names[1:])
        assert made.housekeeper.removed == 1
    for name in names[1:]:
        Catalog(tmp_path).protect(name, True)
    with library(tmp_path, Retention(quota_bytes=disk_bytes // 4)) as made:
        with pytest.raises(NoSpaceError, match=r"\(-record-quota\), and all that is left is prot"):
            made.make_room()
        wait_until(lambda: made.no_room() is not None)
        assert made.reasons()[0].startswith("the disk is low: recordings take ")
    assert len(recordings(tmp_path)) == 3


def test_a_full_disk_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health is told in a sentence, with no limit set at all."""
    monkeypatch.setattr("petstream.recording.housekeeper.LOW_BYTES", 2**62)
    with library(tmp_path) as made:
        wait_until(lambda: made.reasons() != [])
        assert made.reasons()[0].startswith("the disk is low: ")
        assert made.reasons()[0].endswith(f" are free in {tmp_path}; remove recordings")
        assert made.no_room() is None


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_a_thumbnail_is_the_first_picture(tmp_path: Path, wanted: str) -> None:
    """Both formats have one, no larger than it has to be; it is made once."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        name = str(recorder.start(wanted).filename)
        put_all(source, access_units(encode(20, width=640, height=480)))
        recorder.stop()
    with library(tmp_path) as made:
        first = made.thumbnail(name)
        assert size_of(first) == (320, 240)
        (tmp_path / name).write_bytes(b"")
        assert made.thumbnail(name) == first
        with pytest.raises(UnknownRecordingError):
            made.thumbnail("recording_20251226_223031.h264")


def test_an_empty_recording_has_no_picture(tmp_path: Path) -> None:
    """There is nothing to decode yet, and that is not an error of the server."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source), library(tmp_path) as made:
        name = str(recorder.start().filename)
        with pytest.raises(NoPictureError, match="has no picture yet"):
            made.thumbnail(name)


def test_a_snapshot_is_the_newest_idr(tmp_path: Path) -> None:
    """Of full size, made once for whoever asks at the same time; none without a camera."""
    idr = access_units(encode(1, width=640, height=480))[0]
    with library(tmp_path, newest=idr) as made:
        taken: list[bytes] = []
        callers = [threading.Thread(target=lambda: taken.append(made.snapshot())) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(taken) == 8
        assert all(each is taken[0] for each in taken)
        assert size_of(taken[0]) == (640, 480)
    with library(tmp_path) as made, pytest.raises(NoPictureError, match="not delivered"):
        made.snapshot()
