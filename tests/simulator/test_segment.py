"""Segments: made, taken over, refused, unlinked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from petstream.errors import ConfigError, SegmentError
from simulator.segment import WritableSegment

from .ring_view import segment_path

SIZE = 100_000


def test_a_new_segment_is_made_and_unlinked(segment: str) -> None:
    """It has the size asked for, every page of it reserved, and is gone after close."""
    made = WritableSegment(segment, SIZE)
    status = segment_path(segment).stat()
    assert made.created
    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE
    assert bytes(made.map[:]) == bytes(SIZE)
    made.close()
    made.close()
    assert not segment_path(segment).exists()


def test_a_segment_that_was_there_stays(tmp_path: Path) -> None:
    """It is taken over with what stands in it, its holes are filled, and it is not unlinked."""
    path = tmp_path / "ring"
    path.write_bytes(b"kept")
    os.truncate(path, SIZE)
    segment = WritableSegment("/ring", SIZE, directory=tmp_path)
    assert not segment.created
    assert segment.map[:4] == b"kept"
    assert path.stat().st_blocks * 512 >= SIZE
    segment.close()
    assert path.read_bytes()[:4] == b"kept"


@pytest.mark.parametrize("found", [0, 1, SIZE - 1, SIZE + 1])
def test_another_size_is_refused_with_both_sizes(tmp_path: Path, found: int) -> None:
    """A segment of another layout is neither used nor changed nor removed."""
    path = tmp_path / "ring"
    path.write_bytes(bytes(found))
    with pytest.raises(SegmentError, match=rf"has {found} bytes, the layout .* {SIZE}") as caught:
        WritableSegment("/ring", SIZE, directory=tmp_path)
    assert caught.value.reason == "wrong_size"
    assert path.stat().st_size == found


def test_a_second_writer_is_kept_out(segment: str) -> None:
    """While one writes, another is refused; after it, the segment is free."""
    with_lock = WritableSegment(segment, SIZE)
    with pytest.raises(SegmentError, match="has a writer already") as caught:
        WritableSegment(segment, SIZE)
    assert caught.value.reason == "in_use"
    assert segment_path(segment).exists()
    with_lock.close()
    WritableSegment(segment, SIZE).close()


def test_somebody_elses_segment_is_not_unlinked(segment: str) -> None:
    """When the name leads to another segment by now, that one stays."""
    made = WritableSegment(segment, SIZE)
    segment_path(segment).unlink()
    segment_path(segment).write_bytes(b"another")
    made.close()
    assert segment_path(segment).read_bytes() == b"another"


def test_a_segment_that_is_gone_already_is_no_error(segment: str) -> None:
    """Somebody unlinked it first."""
    made = WritableSegment(segment, SIZE)
    segment_path(segment).unlink()
    made.close()


def test_a_segment_that_goes_while_it_is_closed_is_no_error(
    segment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody unlinks it between the look whether it is ours and our own unlinking."""
    made = WritableSegment(segment, SIZE)
    samestat = os.path.samestat

    def unlink_first(*of: os.stat_result) -> bool:
        segment_path(segment).unlink()
        return samestat(*of)

    monkeypatch.setattr(os.path, "samestat", unlink_first)
    made.close()
    assert not segment_path(segment).exists()


@pytest.mark.parametrize("name", ["", "/", "/a/b", "/..", "/.", "/nul\0", "/" + "x" * 256])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing outside the directory can be named."""
    with pytest.raises(ConfigError, match="segment name"):
        WritableSegment(name, SIZE, directory=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["directory", "fifo", "link", "no directory"])
def test_what_is_no_segment_is_refused(kind: str, tmp_path: Path) -> None:
    """A directory, a FIFO and a symbolic link are named, not followed and not waited for."""
    path = tmp_path / "ring"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        tmp_path = path
    with pytest.raises(SegmentError, match="segment /ring"):
        WritableSegment("/ring", SIZE, directory=tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_memory_that_is_not_there_is_an_error_and_not_a_signal(tmp_path: Path) -> None:
    """Reserving fails, the message has both numbers, and nothing is left behind."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from petstream.errors import SegmentError\n"
        "from simulator.segment import WritableSegment\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({SIZE - 1}, {SIZE - 1}))\n"
        "try:\n"
        f"    WritableSegment('/ring', {SIZE}, directory=Path(sys.argv[1]))\n"
        "except SegmentError as error:\n"
        "    print(error.reason, error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"no_space no memory for segment /ring: {SIZE} bytes needed, ")
    assert not list(tmp_path.iterdir())
