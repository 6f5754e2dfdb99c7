"""The directory of recordings, at the start and under a running recording."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from petstream.errors import ConfigError
from petstream.recording import Recorder, check_directory
from petstream.recording.syscalls import Syscalls
from tests.recording.helpers import access_units, encode, new_source, put_all, running, wait_until


class ReadOnly(Syscalls):
    """A file system that may be written to only until it is told otherwise."""

    read_only = False

    def writable(self, path: Path) -> bool:
        """Whether files can be made; the superuser, too, is told the truth."""
        return not self.read_only and super().writable(path)


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    """The check leaves a directory that can be recorded into."""
    check_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    check_directory(tmp_path / "a" / "b")


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_directory_that_cannot_be_made_is_a_bad_setting(tmp_path: Path, place: str) -> None:
    """The start of the server ends with the path and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot make record path"):
        check_directory(tmp_path / place)


def test_a_directory_that_cannot_be_written_to_is_a_bad_setting(tmp_path: Path) -> None:
    """The start of the server ends with the flag to change."""
    syscalls = ReadOnly()
    syscalls.read_only = True
    with pytest.raises(ConfigError, match="is not writable; choose another with -record-path"):
        check_directory(tmp_path, syscalls)


def remove_directory(directory: Path, name: str) -> None:
    """Remove it all."""
    assert name
    shutil.rmtree(directory)


def replace_directory(directory: Path, name: str) -> None:
    """Put another directory, with a file of the same name, in its place."""
    directory.rename(directory.with_name("elsewhere"))
    directory.mkdir()
    (directory / name).touch()


def remove_file(directory: Path, name: str) -> None:
    """Remove the file that is being written."""
    (directory / name).unlink()


def replace_file(directory: Path, name: str) -> None:
    """Put another file in its place."""
    (directory / name).rename(directory / "other")
    (directory / name).touch()


@pytest.mark.parametrize("camera", [True, False], ids=["camera", "no camera"])
@pytest.mark.parametrize(
    ("disturb", "reason"),
    [
        (remove_directory, "was removed or replaced"),
        (replace_directory, "was removed or replaced"),
        (remove_file, "h264 was removed or replaced"),
        (replace_file, "h264 was removed or replaced"),
    ],
)
def test_c03_a_recording_does_not_go_on_where_nobody_finds_it(
    tmp_path: Path, disturb: Callable[[Path, str], None], reason: str, camera: bool
) -> None:
    """A file that was removed under the recording ends it, also when nothing comes."""
    directory = tmp_path / "recordings"
    recorder, source = Recorder(directory), new_source()
    with running(recorder, source):
        name = recorder.start().filename
        if camera:
            put_all(source, access_units(encode(10)))
            wait_until(lambda: recorder.status().frame_count == 10)
        disturb(directory, str(name))
        wait_until(lambda: not recorder.status().recording)
        status = recorder.status()
        assert (status.state, status.frame_count) == ("error", 10 if camera else 0)
        assert reason in str(status.error)
        assert recorder.start().recording
        assert (directory / str(recorder.stop().filename)).exists()
    assert recorder.counters.errors == 1


def test_c03_a_directory_that_becomes_read_only_ends_the_recording(tmp_path: Path) -> None:
    """What was recorded stays, and the status says why there is no more."""
    syscalls = ReadOnly()
    recorder, source = Recorder(tmp_path, syscalls=syscalls), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, access_units(encode(10)))
        wait_until(lambda: recorder.status().frame_count == 10)
        syscalls.read_only = True
        wait_until(lambda: not recorder.status().recording)
    assert "has become read-only" in str(recorder.status().error)
    assert (tmp_path / str(recorder.status().filename)).stat().st_size > 0
