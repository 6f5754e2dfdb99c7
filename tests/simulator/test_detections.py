"""The simulator's detections: what it writes is what the reader reads, in step with the camera."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.errors import SegmentError
from petstream.shm.detections import Detection, DetectionsReader
from petstream.shm.layout import DETECTIONS_SIZE, Detections
from simulator import Camera, DetectionsWriter, Fixture
from simulator.detections import detections_in
from tests.simulator.ring_view import RingView

INT32 = st.integers(-(2**31), 2**31 - 1)
DETECTION = st.builds(
    Detection,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=7),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    INT32,
    INT32,
    INT32,
    INT32,
)


@given(
    updates=st.lists(
        st.tuples(st.lists(DETECTION, max_size=10), st.integers(0, 2**64 - 1)), max_size=5
    )
)
def test_what_is_written_is_read(updates: list[tuple[list[Detection], int]]) -> None:
    """Boxes, frame number and capture time, once for each update, versions counting up."""
    name = "/petstream-test-detections-writer"
    with DetectionsWriter(name) as writer, DetectionsReader(name) as reader:
        for count, (boxes, frame_number) in enumerate(updates, 1):
            version = writer.write(boxes, frame_number=frame_number, capture_ns=count * 10**9 + 1)
            snapshot = reader.read()
            assert snapshot is not None
            assert (snapshot.version, snapshot.frame_number) == (version, frame_number)
            assert version == count
            assert snapshot.capture_ns == count * 10**9 + 1
            assert snapshot.detections == tuple(boxes)
            assert reader.read() is None


def test_a_long_name_is_cut_where_c_would(segment: str) -> None:
    """31 bytes and the zero."""
    with DetectionsWriter(segment) as writer, DetectionsReader(segment) as reader:
        writer.write([Detection("x" * 40, 1, 0, 0, 1, 1)], frame_number=0, capture_ns=0)
        snapshot = reader.read()
    assert snapshot is not None
    assert snapshot.detections[0].class_name == "x" * 31


def test_too_many_are_refused(segment: str) -> None:
    """The segment holds ten."""
    with DetectionsWriter(segment) as writer, pytest.raises(SegmentError, match="11 detections"):
        writer.write([Detection("x", 1, 0, 0, 1, 1)] * 11, frame_number=0, capture_ns=0)


def test_version_and_semaphore_rise_with_each_update(segment: str) -> None:
    """As the daemon has it; a segment that was there goes on from where it stands, and stays."""
    path = Path("/dev/shm", segment[1:])
    with DetectionsWriter(segment) as writer:
        writer.write([], frame_number=0, capture_ns=0)
        content = Detections.from_buffer_copy(path.read_bytes())
        assert (content.version, content.update_sem.value) == (1, 1)
        assert path.stat().st_size == DETECTIONS_SIZE
    assert not path.exists()
    path.write_bytes(bytes(content))
    with DetectionsWriter(segment) as writer:
        assert not writer.created
        assert writer.write([], frame_number=0, capture_ns=0) == 2
    assert path.exists()


def test_it_is_in_step_with_the_camera(segment: str) -> None:
    """For each access unit the box of its own picture, with its number and capture time."""
    name = f"{segment}-boxes"
    clip = Fixture.load("barcode-480p30")
    camera = Camera(clip, shm=segment, detections=name, speed=2, count=12)
    read = []
    with DetectionsReader(name) as reader, camera, RingView.of(segment) as ring:
        while camera.is_running:
            snapshot = reader.read()
            if snapshot is not None:
                read.append(snapshot)
            time.sleep(0.002)
        captures = {frame.frame_number: frame.capture_ns for frame in map(ring.frame, range(12))}
    assert len(read) >= 6
    for snapshot in read:
        (box,) = snapshot.detections
        assert (box.x, box.y, box.width, box.height) == clip.boxes[snapshot.frame_number]
        assert box.class_name == "ball"
        assert snapshot.capture_ns == captures[snapshot.frame_number]
    assert not Path("/dev/shm", name[1:]).exists()


def test_a_clip_without_boxes_has_no_detections() -> None:
    """Nobody knows what moves in it."""
    clip = Fixture("mine", (b"",), Fixture.load("barcode-480p30").fps, 640, 480)
    assert detections_in(clip, 0) == []


def test_a_segment_that_cannot_be_had_leaves_no_ring(segment: str) -> None:
    """The camera is not made, and nothing of it stays."""
    path = Path("/dev/shm", f"{segment[1:]}-boxes")
    path.write_bytes(b"x")
    try:
        with pytest.raises(SegmentError, match="has 1 bytes"):
            Camera("barcode-480p30", shm=segment, detections=f"{segment}-boxes")
    finally:
        path.unlink()
    assert not Path("/dev/shm", segment[1:]).exists()


def test_they_go_though_the_ring_cannot_be_closed(
    segment: str, clip: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one segment's fault is no reason to leave the other."""
    boxes = f"{segment}-boxes"
    camera = Camera(clip, shm=segment, detections=boxes)

    def fail() -> None:
        raise OSError("the ring stays")

    with monkeypatch.context() as patch:
        patch.setattr(camera.writer, "close", fail)
        with pytest.raises(OSError, match="the ring stays"):
            camera.close()
    assert not Path("/dev/shm", boxes[1:]).exists()
    camera.close()
