"""The reader of the detections segment, against bytes that anybody may have written."""

import ctypes
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.shm import detections as module
from petstream.shm.detections import DetectionsReader
from petstream.shm.layout import DETECTIONS_MAX, DETECTIONS_SIZE, Detections
from petstream.shm.segment import Segment

SHM = Path("/dev/shm")


@pytest.fixture
def path(segment_name: str) -> Iterator[Path]:
    """Where a test puts its bytes."""
    path = SHM / segment_name[1:]
    yield path
    path.unlink(missing_ok=True)


def update(version: int, count: int = 1, confidence: float = 0.5) -> bytes:
    """The segment after an update."""
    content = Detections(frame_number=7, num_detections=count, version=version)
    content.timestamp.tv_sec, content.timestamp.tv_nsec = 3, 5
    for number, box in enumerate(content.detections):
        box.class_name, box.confidence = b"cat", confidence
        box.x, box.y, box.w, box.h = number, 20, 30, 40
    return bytes(content)


def test_each_update_is_read_once(path: Path, segment_name: str) -> None:
    """Nothing before the first one, and nothing again until the version moves."""
    path.write_bytes(bytes(DETECTIONS_SIZE))
    with DetectionsReader(segment_name) as reader:
        assert reader.read() is None
        path.write_bytes(update(1))
        snapshot = reader.read()
        assert snapshot is not None
        assert (snapshot.frame_number, snapshot.capture_ns) == (7, 3_000_000_005)
        (box,) = snapshot.detections
        assert (box.class_name, box.confidence) == ("cat", 0.5)
        assert (box.x, box.y, box.width, box.height) == (0, 20, 30, 40)
        assert reader.read() is None
        path.write_bytes(update(0))  # the version wraps at 2^32
        assert reader.read() is not None


def test_a_segment_that_comes_late_or_anew_is_found(
    path: Path, segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, then there, then another one under the same name."""
    monkeypatch.setattr(module, "_RETRY_NS", 0)
    monkeypatch.setattr(module, "_CHECK_NS", 0)
    with DetectionsReader(segment_name) as reader:
        assert reader.read() is None
        assert reader.fault is not None
        assert reader.fault.reason == "missing"
        path.write_bytes(update(9))
        assert reader.read() is not None
        path.unlink()
        path.write_bytes(update(9))
        assert reader.read() is None
        assert reader.read() is not None
        assert reader.fault is None


@pytest.mark.parametrize("size", [0, 1, DETECTIONS_SIZE - 1, DETECTIONS_SIZE + 1])
def test_another_size_is_a_fault_and_no_detections(
    path: Path, segment_name: str, size: int
) -> None:
    """Both sizes are named."""
    path.write_bytes(b"\1" * size)
    with DetectionsReader(segment_name) as reader:
        assert reader.read() is None
        assert f"{size} bytes" in str(reader.fault)


def test_truncation_is_a_fault_and_no_signal(path: Path, segment_name: str) -> None:
    """The segment shrinks while it is open."""
    path.write_bytes(update(1))
    with DetectionsReader(segment_name) as reader:
        assert reader.read() is not None
        os.truncate(path, 100)
        assert reader.read() is None
        assert reader.fault is not None
        assert reader.fault.reason == "truncated"


@pytest.mark.parametrize(("count", "read"), [(-1, 0), (0, 0), (10, 10), (11, 10), (2**31 - 1, 10)])
def test_the_count_is_not_believed(path: Path, segment_name: str, count: int, read: int) -> None:
    """There are ten places, whatever it says."""
    path.write_bytes(update(1, count))
    with DetectionsReader(segment_name) as reader:
        snapshot = reader.read()
    assert snapshot is not None
    assert len(snapshot.detections) == read


@pytest.mark.parametrize("confidence", [float("nan"), float("inf"), float("-inf")])
def test_a_confidence_that_json_cannot_say_is_left_out(
    path: Path, segment_name: str, confidence: float
) -> None:
    """JSON has no NaN."""
    path.write_bytes(update(1, 3, confidence))
    with DetectionsReader(segment_name) as reader:
        snapshot = reader.read()
    assert snapshot is not None
    assert snapshot.detections == ()


@given(data=st.binary(min_size=DETECTIONS_SIZE, max_size=DETECTIONS_SIZE))
def test_any_bytes_can_be_read(data: bytes) -> None:
    """Whatever is in the segment is at most ten boxes that JSON can say."""
    offset = Detections.version.offset
    data = data[:offset] + struct.pack("<I", 1) + data[offset + 4 :]
    name = f"/petstream-test-{os.getpid()}-any"
    path = SHM / name[1:]
    path.write_bytes(data)
    try:
        with DetectionsReader(name) as reader:
            snapshot = reader.read()
    finally:
        path.unlink()
    assert snapshot is not None
    assert len(snapshot.detections) <= DETECTIONS_MAX
    for box in snapshot.detections:
        json.dumps([box.class_name, box.confidence, box.x], allow_nan=False)


def test_a_copy_that_changes_meanwhile_is_not_taken(
    path: Path, segment_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two copies that differ were being written; the next one that stays is taken."""
    path.write_bytes(update(1))
    reader = DetectionsReader(segment_name)
    torn = bytearray(update(2))
    ctypes.memset((ctypes.c_char * 8).from_buffer(torn, 28), 0, 8)
    copies = iter([bytes(torn), update(2), update(2)])
    with reader:
        assert reader.read() is not None
        monkeypatch.setattr(Segment, "pread", lambda *_: next(copies))
        snapshot = reader.read()
    assert snapshot is not None
    assert snapshot.detections[0].class_name == "cat"
