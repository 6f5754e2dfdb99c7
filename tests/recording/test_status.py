"""The figures of /status."""

from datetime import UTC, datetime
from pathlib import Path

from petstream.recording import Recorder, RecordingStatus
from tests.recording.helpers import access_units, encode, new_source, put_all, running, wait_until

BEGIN = datetime(2025, 12, 26, 22, 30, 31, 999_999, tzinfo=UTC)
CONTRACT_KEYS = [
    "recording",
    "filename",
    "frame_count",
    "bytes_written",
    "duration_ms",
    "start_time",
]


def test_json_has_the_keys_of_the_contract_first() -> None:
    """The example of the contract comes out as it stands there, with more keys behind."""
    status = RecordingStatus(
        recording=True,
        filename="recording_20251226_223031.h264",
        frame_count=1500,
        bytes_written=2457600,
        duration_ms=50000,
        start_time=BEGIN,
        files=("recording_20251226_223031.h264",),
    )
    body = status.to_json()
    assert list(body)[:6] == CONTRACT_KEYS
    assert [body[key] for key in CONTRACT_KEYS] == [
        True,
        "recording_20251226_223031.h264",
        1500,
        2457600,
        50000,
        "2025-12-26T22:30:31Z",
    ]
    assert {key: body[key] for key in list(body)[6:]} == {
        "state": "recording",
        "format": "h264",
        "error": None,
        "dropped": 0,
        "files": ["recording_20251226_223031.h264"],
    }


def test_json_before_the_first_recording_is_empty(tmp_path: Path) -> None:
    """All keys are there before anything was recorded, and nothing is made up."""
    body = Recorder(tmp_path).status().to_json()
    assert [body[key] for key in CONTRACT_KEYS] == [False, None, 0, 0, 0, None]
    assert body["state"] == "idle"


def test_1500_access_units_at_30_fps_last_50_seconds(tmp_path: Path) -> None:
    """The duration counts the last access unit's own interval."""
    units = access_units(encode(10) * 150, intervals_ns=(33_333_333, 33_333_333, 33_333_334))
    recorder, source = Recorder(tmp_path, utc_now=lambda: BEGIN), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units)
        status = recorder.stop()
    assert (status.frame_count, status.duration_ms) == (1500, 50000)
    assert status.start_time == BEGIN


def test_state_goes_through_a_recording(tmp_path: Path) -> None:
    """Idle, waiting for an IDR, recording, finished; the figures stay until the next start."""
    recorder, source = Recorder(tmp_path), new_source()
    units = access_units(encode(10))
    seen = [recorder.status().state]
    with running(recorder, source):
        seen.append(recorder.start().state)
        put_all(source, units[:5])
        wait_until(lambda: recorder.status().frame_count == 5)
        seen.append(recorder.status().state)
        finished = recorder.stop()
        seen.append(finished.state)
        assert recorder.status() == finished
        assert finished.frame_count == 5
        assert recorder.start().frame_count == 0
        recorder.stop()
    assert seen == ["idle", "waiting", "recording", "finished"]
