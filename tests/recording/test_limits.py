"""How long recordings and their files become."""

from pathlib import Path

import pytest

from petstream.h264.access_unit import AccessUnit
from petstream.recording import RecordingFormat, RecordingStatus
from petstream.recording.engine import Engine
from petstream.recording.limits import Limits
from tests.recording.helpers import (
    FRAME_NS,
    access_units,
    annexb,
    decoded_frames,
    encode,
    new_engine,
    new_source,
    packet_times,
    put_all,
    recordings,
)


def record(
    directory: Path, wanted: str, limits: Limits, units: list[AccessUnit]
) -> tuple[RecordingStatus, Engine]:
    """Record until there is nothing more, or the recording ends by itself."""
    engine, source = new_engine(directory, clock_step_ns=FRAME_NS, limits=limits), new_source()
    engine.attach(source)
    engine.start(RecordingFormat(wanted), None)
    put_all(source, units)
    while engine.status.recording and engine.step(0.0):
        continue
    return (engine.stop(0) if engine.status.recording else engine.status), engine


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_segments_begin_with_an_idr_and_miss_nothing(tmp_path: Path, wanted: str) -> None:
    """A new file begins at the first IDR after the length; the status goes on over all of them."""
    units = access_units(encode(100))
    status, _ = record(tmp_path, wanted, Limits(segment_s=0.5), units)
    files = recordings(tmp_path)
    assert sorted(status.files) == sorted(path.name for path in files)
    assert [decoded_frames(tmp_path / name) for name in status.files] == [20, 20, 20, 20, 20]
    assert (status.frame_count, status.dropped, status.error) == (100, 0, None)
    assert status.bytes_written == sum(path.stat().st_size for path in files)
    assert status.duration_ms == pytest.approx(100 * FRAME_NS / 1e6, abs=1)
    if wanted == "h264":
        data = b"".join((tmp_path / name).read_bytes() for name in status.files)
        assert data == annexb(units)
    else:
        assert [packet_times(tmp_path / name)[0] for name in status.files] == [0] * 5


@pytest.mark.parametrize("wanted", ["h264", "mp4"])
def test_a_recording_ends_by_itself(tmp_path: Path, wanted: str) -> None:
    """After the longest duration it is finished, to the access unit, and that is no error."""
    units = access_units(encode(100))
    status, engine = record(tmp_path, wanted, Limits(max_duration_s=1.5), units)
    assert (status.state, status.frame_count, status.dropped) == ("finished", 45, 0)
    assert status.duration_ms == pytest.approx(45 * FRAME_NS / 1e6, abs=1)
    assert (engine.counters.recorded, engine.counters.skipped, engine.counters.errors) == (45, 0, 0)
    assert decoded_frames(tmp_path / str(status.filename)) == 45


def test_a_silent_camera_does_not_make_a_recording_longer(tmp_path: Path) -> None:
    """Without access units the clock ends it."""
    engine = new_engine(tmp_path, clock_step_ns=FRAME_NS, limits=Limits(max_duration_s=2))
    engine.attach(new_source())
    engine.start(RecordingFormat.H264, None)
    for _ in range(100):
        engine.step(0.0)
    assert (engine.status.state, engine.status.frame_count) == ("finished", 0)


def test_files_named_in_the_status_are_bounded(tmp_path: Path) -> None:
    """A recording in very many segments names the newest hundred."""
    status, _ = record(tmp_path, "h264", Limits(segment_s=0.01), access_units(encode(10) * 120))
    assert len(recordings(tmp_path)) == 120
    assert len(status.files) == 100
    assert status.files[-1] == status.filename
