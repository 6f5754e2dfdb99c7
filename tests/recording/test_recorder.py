"""Start, stop and what goes into a recording."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from petstream.distributor import Distributor
from petstream.errors import (
    AlreadyRecordingError,
    BadRecordingRequestError,
    NoSpaceError,
    NotRecordingError,
    RecordingError,
    UnavailableError,
)
from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder
from tests.recording.helpers import (
    access_units,
    annexb,
    encode,
    new_source,
    packet_times,
    put_all,
    recordings,
    running,
)


def test_start_and_stop_refuse_what_makes_no_sense(tmp_path: Path) -> None:
    """One recording at a time, a format that exists, and a stop only of what runs."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        with pytest.raises(NotRecordingError, match="no recording runs"):
            recorder.stop()
        with pytest.raises(BadRecordingRequestError, match="'avi', not h264 or mp4"):
            recorder.start("avi")
        name = recorder.start().filename
        with pytest.raises(AlreadyRecordingError, match=f"{name} is being recorded"):
            recorder.start()
        recorder.stop()
    assert [path.name for path in recordings(tmp_path)] == [name]


def test_files_and_directories_are_private(tmp_path: Path) -> None:
    """The directory is made when it is missing, and neither it nor the file is for everybody."""
    directory = tmp_path / "a" / "b"
    recorder, source = Recorder(directory), new_source()
    with running(recorder, source):
        name = recorder.start().filename
        recorder.stop()
    assert (directory / str(name)).stat().st_mode & 0o777 == 0o640
    assert directory.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("recording_format", ["h264", "mp4"])
def test_start_before_any_camera_waits_for_an_idr(tmp_path: Path, recording_format: str) -> None:
    """A recording may begin before the stream does; without one, its file is empty."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        status = recorder.start(recording_format)
        assert (status.recording, status.frame_count) == (True, 0)
        status = recorder.stop()
    assert (status.recording, status.frame_count, status.duration_ms) == (False, 0, 0)
    assert (tmp_path / str(status.filename)).stat().st_size == 0


def test_nothing_is_written_between_a_loss_and_the_next_idr(tmp_path: Path) -> None:
    """What refers to a lost picture is left out and counted, with the picture itself."""
    units = access_units(encode(50), lost=[23])
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units)
        status = recorder.stop()
    expected = [unit for unit in units if unit.sequence < 23 or unit.sequence >= 30]
    assert (tmp_path / str(status.filename)).read_bytes() == annexb(expected)
    assert (status.frame_count, status.dropped) == (43, 7)
    assert recorder.counters.skipped == 6


def test_whole_gops_that_the_source_drops_are_counted(tmp_path: Path) -> None:
    """A GOP that never arrives is missed by its running numbers."""
    units = access_units(encode(40))
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units[:10] + units[20:])
        status = recorder.stop()
    assert (status.frame_count, status.dropped) == (30, 10)


def test_slots_with_only_parameter_sets_are_no_loss(tmp_path: Path) -> None:
    """A camera that sends SPS and PPS in slots of their own loses nothing thereby."""
    units = access_units(encode(30))
    units = [replace(unit, sequence=unit.sequence + 2 * (i // 10)) for i, unit in enumerate(units)]
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units)
        status = recorder.stop()
    assert (status.frame_count, status.dropped) == (30, 0)


def test_a_recording_that_ends_in_a_loss_counts_it(tmp_path: Path) -> None:
    """What waited for an IDR that never came is counted as dropped."""
    units = access_units(encode(30), lost=[25])
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units)
        status = recorder.stop()
    assert (status.frame_count, status.dropped) == (25, 5)


@pytest.mark.parametrize("recording_format", ["h264", "mp4"])
@pytest.mark.parametrize("count", [1, 7, 58])
def test_stop_writes_everything_that_was_handed_over(
    tmp_path: Path, recording_format: str, count: int
) -> None:
    """Access units that wait in the queue when stop is called are in the file."""
    distributor = Distributor()
    units = access_units(encode(60))
    recorder = Recorder(tmp_path)
    with distributor.subscribe("recorder") as source, running(recorder, source):
        recorder.start(recording_format)
        for unit in units[:count]:
            distributor.publish(unit)
        status = recorder.stop()
        for unit in units[count:]:
            distributor.publish(unit)
    path = tmp_path / str(status.filename)
    assert (status.frame_count, status.dropped, source.dropped) == (count, 0, 0)
    assert status.bytes_written == path.stat().st_size
    if recording_format == "h264":
        assert path.read_bytes() == annexb(units[:count])
    else:
        assert len(packet_times(path)) == count


def test_a_full_disk_refuses_the_start(tmp_path: Path) -> None:
    """With less space than required nothing is begun, and no file is left."""
    recorder, source = Recorder(tmp_path, min_free_bytes=2**62), new_source()
    with running(recorder, source), pytest.raises(NoSpaceError, match="bytes are free in"):
        recorder.start()
    assert list(tmp_path.iterdir()) == []
    assert not recorder.status().recording


def test_a_directory_that_is_a_file_refuses_the_start(tmp_path: Path) -> None:
    """The reason comes back to the caller."""
    (tmp_path / "file").touch()
    recorder, source = Recorder(tmp_path / "file"), new_source()
    with running(recorder, source), pytest.raises(RecordingError, match="cannot open"):
        recorder.start()


def test_close_ends_the_recording_and_refuses_another(tmp_path: Path) -> None:
    """After close the file is finished, and start says why it does nothing."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, access_units(encode(10)))
        assert recorder.close()
        assert recorder.close()
        status = recorder.status()
        assert (status.recording, status.frame_count, status.error) == (False, 10, None)
        with pytest.raises(UnavailableError, match="closed"):
            recorder.start()


@pytest.mark.parametrize("recording_format", ["h264", "mp4"])
def test_the_end_of_the_loop_finishes_the_recording(tmp_path: Path, recording_format: str) -> None:
    """A loop that is told to return writes what was handed over."""
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start(recording_format)
        put_all(source, access_units(encode(30)))
    status = recorder.status()
    assert (status.recording, status.frame_count, status.error) == (False, 30, None)


def test_a_recorder_without_its_thread_says_so(tmp_path: Path) -> None:
    """A call that nobody answers comes back, and does not begin a recording later."""
    recorder, source = Recorder(tmp_path, answer_timeout_s=0.05), new_source()
    with pytest.raises(UnavailableError, match=r"did not answer within 0\.05 s"):
        recorder.start()
    with running(recorder, source):
        assert not recorder.status().recording
    assert list(tmp_path.iterdir()) == []


def test_close_beside_the_end_of_the_loop_does_not_wait(tmp_path: Path) -> None:
    """Whichever of close and the end of the loop is first, the recording is finished."""
    for turn in range(20):
        recorder, source = Recorder(tmp_path, answer_timeout_s=60), new_source()
        stop = threading.Event()
        loop = threading.Thread(target=recorder.run, args=(source, stop), name="recorder")
        loop.start()
        recorder.start()
        put_all(source, access_units(encode(10)))
        stop.set()
        if turn % 2:
            source.wake()
        assert recorder.close(timeout_s=60)
        assert recorder.status().frame_count == 10
        loop.join(10)
        assert not loop.is_alive()
        with pytest.raises(UnavailableError, match="closed"):
            recorder.start()


class FailingSource:
    """A source that gives access units, and then raises."""

    def __init__(self, units: list[AccessUnit]) -> None:
        self._units = iter(units)

    def get(self, timeout_s: float) -> AccessUnit | None:  # noqa: ARG002
        """The next access unit."""
        unit = next(self._units, None)
        if unit is None:
            raise ValueError("broken source")
        return unit

    def wake(self) -> None:
        """Nothing waits."""


def test_a_loop_that_fails_leaves_a_finished_file_and_may_be_entered_again(tmp_path: Path) -> None:
    """After a fault in its thread the recorder says why, and records again in its next run."""
    units = access_units(encode(20))
    recorder, source = Recorder(tmp_path), new_source()
    starter = threading.Thread(target=recorder.start, name="starter")
    starter.start()
    with pytest.raises(ValueError, match="broken source"):
        recorder.run(FailingSource(units), threading.Event())
    starter.join()
    status = recorder.status()
    assert (status.recording, status.state) == (False, "error")
    assert "the recorder thread failed: ValueError('broken source')" in str(status.error)
    written = (tmp_path / str(status.filename)).read_bytes()
    assert written == annexb(units[20 - status.frame_count :])
    with running(recorder, source):
        with pytest.raises(NotRecordingError, match="the last one ended: the recorder thread"):
            recorder.stop()
        recorder.start()
        put_all(source, units)
        assert recorder.stop().frame_count == 20
    assert recorder.counters.errors == 1
    assert recorder.counters.recordings == 2
