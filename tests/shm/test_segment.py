"""One shared-memory object: what may be opened, and what is said of the rest."""

import os
from pathlib import Path

import pytest

from petstream.errors import ConfigError, SegmentError
from petstream.shm.layout import DETECTIONS_SIZE, RING_SIZE
from petstream.shm.segment import SHM_DIRECTORY, Segment, check_segment_name
from tests.capabilities import bound_by_permissions

LATER_RING_SIZE = 93_314_112


@pytest.fixture
def path(segment_name: str) -> Path:
    """Where the segment of the test lies, if there is one."""
    return SHM_DIRECTORY / segment_name[1:]


def refusal(name: str, size: int = RING_SIZE) -> SegmentError:
    """The error of opening it."""
    with pytest.raises(SegmentError) as caught:
        Segment(name, size)
    return caught.value


@pytest.mark.parametrize("name", ["/camera", "camera", "/a.b-c_d", "/" + "x" * 255])
def test_names(name: str) -> None:
    """One slash in front, or none, and a file name."""
    assert check_segment_name(name) == name.lstrip("/")


@pytest.mark.parametrize(
    "name", ["", "/", "/.", "..", "/a/b", "//a", "/../etc/passwd", "/a\0b", "/" + "x" * 256]
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    """Nothing out of /dev/shm is ever opened."""
    with pytest.raises(ConfigError):
        check_segment_name(name)


def test_missing(segment_name: str) -> None:
    """Nothing there: start the daemon."""
    error = refusal(segment_name)
    assert error.reason == "missing"
    assert "start the camera daemon" in str(error)


def test_empty(segment_name: str, path: Path) -> None:
    """The daemon is between shm_open and ftruncate."""
    path.touch()
    assert refusal(segment_name).reason == "empty"


@pytest.mark.parametrize(("size", "hint"), [(LATER_RING_SIZE, "later daemon"), (12, "12 bytes")])
def test_wrong_size(segment_name: str, path: Path, size: int, hint: str) -> None:
    """Both sizes are named, and the later daemon's is recognised."""
    path.touch()
    os.truncate(path, size)
    error = refusal(segment_name)
    assert error.reason == "wrong_size"
    assert str(size) in str(error)
    assert str(RING_SIZE) in str(error)
    assert hint in str(error)


def test_no_permission(segment_name: str, path: Path) -> None:
    """A segment of another user's."""
    path.touch(mode=0)
    with bound_by_permissions():
        error = refusal(segment_name)
    assert error.reason == "no_permission"
    assert "let this user read it" in str(error)


def test_directory_fifo_and_link_are_no_segments(
    segment_name: str, path: Path, tmp_path: Path
) -> None:
    """None is followed, and none is waited for."""
    path.mkdir()
    assert refusal(segment_name).reason == "not_a_segment"
    path.rmdir()
    os.mkfifo(path)
    assert refusal(segment_name).reason == "not_a_segment"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert refusal(segment_name).reason == "not_a_segment"


def test_pread_and_a_cut_segment(segment_name: str, path: Path) -> None:
    """Bytes come as they are; a segment that ends sooner is an error, never a signal."""
    path.write_bytes(bytes(range(200)) + bytes(DETECTIONS_SIZE - 200))
    with Segment(segment_name, DETECTIONS_SIZE) as segment:
        assert segment.pread(4, 10) == bytes([10, 11, 12, 13])
        os.truncate(path, 12)
        with pytest.raises(SegmentError, match="ended at byte 12, expected 584") as caught:
            segment.pread(4, 10)
        assert caught.value.reason == "truncated"
        with pytest.raises(SegmentError) as caught:
            segment.check_identity()
        assert caught.value.reason == "wrong_size"


def test_identity(segment_name: str, path: Path) -> None:
    """The same, unlinked, and another one in its place are told apart."""
    path.write_bytes(bytes(DETECTIONS_SIZE))
    with Segment(segment_name, DETECTIONS_SIZE) as segment:
        assert segment.check_identity()
        assert not segment.is_unlinked()
        path.unlink()
        assert not segment.check_identity()
        assert segment.is_unlinked()
        path.write_bytes(bytes(DETECTIONS_SIZE))
        with pytest.raises(SegmentError, match="was re-created") as caught:
            segment.check_identity()
        assert caught.value.reason == "replaced"


def test_closed_segment(segment_name: str, path: Path) -> None:
    """Closing twice is once, and reading afterwards is an error of the same kind."""
    path.write_bytes(bytes(DETECTIONS_SIZE))
    segment = Segment(segment_name, DETECTIONS_SIZE)
    segment.close()
    segment.close()
    for call in (lambda: segment.pread(1, 0), segment.check_size):
        with pytest.raises(SegmentError) as caught:
            call()
        assert caught.value.reason == "io_error"
