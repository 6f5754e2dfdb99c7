"""A file that takes each piece whole, or not at all."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from petstream.recording.output import OutputFile
from petstream.recording.syscalls import SYSCALLS, Syscalls

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class ScriptedWrites(Syscalls):
    """Takes as many bytes as each write is told, or raises its error; then all of them."""

    def __init__(self, script: Iterator[int | OSError]) -> None:
        self._script = script

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write a part."""
        step = next(self._script, len(data))
        if isinstance(step, OSError):
            raise step
        return super().write(fd, data[:step])


def open_output(path: Path, syscalls: Syscalls = SYSCALLS) -> OutputFile:
    """An output file at ``path``."""
    return OutputFile(os.open(path, FLAGS, 0o600), path.name, syscalls)


def test_short_and_interrupted_writes_are_gone_on_with(tmp_path: Path) -> None:
    """A write that takes less, or is interrupted, is repeated for the rest."""
    syscalls = ScriptedWrites(iter([3, InterruptedError(), 1, InterruptedError()]))
    output = open_output(tmp_path / "f", syscalls)
    output.append(b"0123456789")
    output.append(b"abc")
    output.close()
    assert (tmp_path / "f").read_bytes() == b"0123456789abc"
    assert output.size == 13


@pytest.mark.parametrize(
    "fault",
    [OSError(errno.ENOSPC, "fault"), OSError(errno.EIO, "fault"), 0],
    ids=["ENOSPC", "EIO", "zero"],
)
def test_a_failed_write_is_cut_off(tmp_path: Path, fault: int | OSError) -> None:
    """What a failed write left behind is removed, and nothing is taken any more."""
    output = open_output(tmp_path / "f", ScriptedWrites(iter([5, 2, fault])))
    output.append(b"whole")
    with pytest.raises(OSError, match=r"fault|took 0 of"):
        output.append(b"piece")
    assert (tmp_path / "f").read_bytes() == b"whole"
    with pytest.raises(OSError, match="has failed before"):
        output.append(b"later")
    output.close()
    assert (tmp_path / "f").read_bytes() == b"whole"


def test_a_full_device_is_an_error(tmp_path: Path) -> None:
    """The kernel's own ENOSPC reaches the caller."""
    output = OutputFile(os.open("/dev/full", os.O_WRONLY), "full", SYSCALLS)
    with pytest.raises(OSError, match="No space left"):
        output.append(b"piece")
    assert output.size == 0
    with pytest.raises(OSError, match="Invalid argument"):  # a device cannot be cut
        output.close()
    output.close()
    assert not any(tmp_path.iterdir())


def test_a_file_size_limit_is_met_on_a_boundary(tmp_path: Path) -> None:
    """A limit in the middle of a piece leaves the pieces before it."""
    output = open_output(tmp_path / "f")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, hard))
    try:
        output.append(bytes(1000))
        output.append(bytes(1000))
        with pytest.raises(OSError, match="File too large"):
            output.append(bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    output.close()
    assert (tmp_path / "f").stat().st_size == output.size == 2000


def test_a_closed_file_takes_nothing(tmp_path: Path) -> None:
    """A descriptor that may belong to somebody else by now is not written to."""
    output = open_output(tmp_path / "f")
    output.append(b"piece")
    output.close()
    output.close()
    output.sync()
    with pytest.raises(OSError, match="is closed"):
        output.append(b"piece")
