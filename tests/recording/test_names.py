"""File names."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from petstream.errors import RecordingError
from petstream.recording import Recorder, RecordingFormat
from petstream.recording.names import NameSequence, recording_name
from tests.recording.helpers import access_units, encode, new_source, put_all, recordings, running
from tests.scale import scaled

BEGIN = datetime(2025, 12, 26, 22, 30, 31, tzinfo=UTC)
RECORDINGS = scaled(20, 1000)
LATER = datetime(2025, 12, 26, 22, 30, 32, tzinfo=UTC)


def test_names_say_when_a_recording_began() -> None:
    """A name is the UTC second, a number if it is not the first, and the format."""
    assert recording_name(BEGIN, RecordingFormat.H264, 1) == "recording_20251226_223031.h264"
    assert recording_name(BEGIN, RecordingFormat.MP4, 3) == "recording_20251226_223031_3.mp4"


def test_names_are_numbered_within_a_second_and_a_format() -> None:
    """Numbers go on within a second, and begin anew in another second or format."""
    names = NameSequence()
    take = names.candidates
    first = [*islice(take(BEGIN, RecordingFormat.H264), 2), next(take(BEGIN, RecordingFormat.H264))]
    assert first == [recording_name(BEGIN, RecordingFormat.H264, n) for n in (1, 2, 3)]
    for begin, recording_format in ((BEGIN, RecordingFormat.MP4), (LATER, RecordingFormat.H264)):
        assert next(take(begin, recording_format)) == recording_name(begin, recording_format, 1)


def test_c07_as_many_recordings_in_one_second_are_as_many_files(tmp_path: Path) -> None:
    """The clock stands still: every start makes a file of its own."""
    recorder, source = Recorder(tmp_path, utc_now=lambda: BEGIN), new_source()
    with running(recorder, source):
        names = []
        for _ in range(RECORDINGS):
            names.append(recorder.start().filename)
            assert recorder.stop().filename == names[-1]
    assert len(set(names)) == RECORDINGS
    assert {path.name for path in recordings(tmp_path)} == set(names)


def test_c07_nothing_is_overwritten_when_the_clock_goes_back(tmp_path: Path) -> None:
    """A name that is taken by a recording, or by a link, is passed over."""
    times = iter([BEGIN, LATER, BEGIN, LATER, BEGIN])
    recorder, source = Recorder(tmp_path, utc_now=lambda: next(times)), new_source()
    outside = tmp_path.with_name(f"{tmp_path.name}_outside")
    (tmp_path / "recording_20251226_223031_2.h264").symlink_to(outside)
    units = access_units(encode(10))
    with running(recorder, source):
        for count in range(1, 6):
            recorder.start()
            put_all(source, units[:count])
            assert recorder.stop().frame_count == count
    assert not outside.exists()
    sizes = {
        path.name: path.stat().st_size for path in recordings(tmp_path) if not path.is_symlink()
    }
    totals = [sum(len(unit.annexb()) for unit in units[:count]) for count in range(1, 6)]
    assert sizes == {
        "recording_20251226_223031.h264": totals[0],
        "recording_20251226_223032.h264": totals[1],
        "recording_20251226_223031_3.h264": totals[2],
        "recording_20251226_223032_2.h264": totals[3],
        "recording_20251226_223031_4.h264": totals[4],
    }


def test_a_second_without_free_names_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for a free name ends."""
    monkeypatch.setattr("petstream.recording.names.ATTEMPTS_MAX", 3)
    for number in range(1, 5):
        (tmp_path / recording_name(BEGIN, RecordingFormat.H264, number)).touch()
    recorder, source = Recorder(tmp_path, utc_now=lambda: BEGIN), new_source()
    with running(recorder, source), pytest.raises(RecordingError, match="no free name"):
        recorder.start()
