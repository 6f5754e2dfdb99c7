"""Fragmented MP4 recordings."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import pytest

from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder, RecordingStatus
from petstream.recording.mp4 import FRAGMENT_US
from tests.recording.helpers import (
    FRAME_NS,
    FRAME_RATES,
    access_units,
    decode_errors,
    encode,
    new_source,
    packet_times,
    probe,
    put_all,
    running,
)


def record(directory: Path, units: Sequence[AccessUnit]) -> RecordingStatus:
    """Record access units as MP4."""
    recorder, source = Recorder(directory), new_source()
    with running(recorder, source):
        recorder.start("mp4")
        put_all(source, units)
        return recorder.stop()


def boxes(data: bytes) -> list[tuple[str, int, int]]:
    """Type, begin and end of the top-level boxes (ISO/IEC 14496-12 clause 4.2)."""
    found, place = [], 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8].decode(), place, place + size))
        place += size
    return found


@pytest.mark.parametrize("intervals_ns", FRAME_RATES.values(), ids=FRAME_RATES)
def test_times_are_the_capture_times(tmp_path: Path, intervals_ns: tuple[int, ...]) -> None:
    """Every sample stands at its capture time, and the whole lasts as long as the capture did."""
    units = access_units(encode(75), intervals_ns=intervals_ns)
    status = record(tmp_path, units)
    path = tmp_path / str(status.filename)
    assert decode_errors(path) == ""
    stream = probe(path)
    assert int(stream["nb_read_frames"]) == status.frame_count == 75
    begin_ns = units[0].capture_ns
    expected = [(unit.capture_ns - begin_ns) / 1e9 for unit in units]
    assert packet_times(path) == pytest.approx(expected, abs=1 / 90_000)
    last_interval_s = (units[-1].capture_ns - units[-2].capture_ns) / 1e9
    assert float(stream["duration"]) == pytest.approx(expected[-1] + last_interval_s, abs=0.001)
    assert status.duration_ms == pytest.approx(1000 * float(stream["duration"]), abs=1)


def test_samples_are_the_cameras_nal_units(tmp_path: Path) -> None:
    """What the file holds are the NAL units of the access units, with lengths in front."""
    units = access_units(encode(25))
    path = tmp_path / str(record(tmp_path, units).filename)
    with av.open(str(path)) as container:
        samples = [bytes(packet) for packet in container.demux() if packet.size]
        flags = [unit.is_idr for unit in units]
        container.seek(0)
        assert [packet.is_keyframe for packet in container.demux() if packet.size] == flags
    expected = [
        b"".join(len(nal).to_bytes(4, "big") + bytes(nal) for nal in unit.nal_units)
        for unit in units
    ]
    assert samples == expected


def test_the_header_says_size_and_parameter_sets(tmp_path: Path) -> None:
    """The header alone, in front of all samples, is enough to set up a decoder."""
    units = access_units(encode(12, width=176, height=144))
    path = tmp_path / str(record(tmp_path, units).filename)
    data = path.read_bytes()
    types = [kind for kind, _, _ in boxes(data)]
    assert types[:3] == ["ftyp", "moov", "moof"]
    header = data[: boxes(data)[1][2]]
    sets = units[0].parameter_sets
    assert sets is not None
    assert b"avcC" in header
    assert sets.sps[0] in header
    assert sets.pps[0] in header
    stream = probe(path)
    assert (int(stream["width"]), int(stream["height"])) == (176, 144)


def test_fragments_are_short_and_whole(tmp_path: Path) -> None:
    """Cut behind any fragment, the file plays, and misses no more than what came after."""
    units = access_units(encode(60, gop=60))
    path = tmp_path / str(record(tmp_path, units).filename)
    data = path.read_bytes()
    ends = [end for kind, _, end in boxes(data) if kind == "mdat"]
    assert len(ends) >= 60 * FRAME_NS // (FRAGMENT_US * 1000 + FRAME_NS)
    counts = []
    for number, end in enumerate(ends):
        cut = tmp_path / f"cut{number}.mp4"
        cut.write_bytes(data[:end])
        counts.append(len(packet_times(cut)))
    assert counts[-1] == 60
    longest = max(later - earlier for earlier, later in pairwise([0, *counts]))
    assert longest * FRAME_NS <= FRAGMENT_US * 1000 + FRAME_NS
    assert decode_errors(tmp_path / "cut3.mp4") == ""


def test_a_new_sps_begins_a_new_file(tmp_path: Path) -> None:
    """A change of size ends one MP4 and begins another; the status adds them up."""
    small = access_units(encode(25))
    large = access_units(
        encode(15, width=320, height=240), first=25, begin_ns=small[-1].capture_ns + FRAME_NS
    )
    status = record(tmp_path, small + large)
    assert len(status.files) == 2
    assert status.filename == status.files[1]
    probes = [probe(tmp_path / name) for name in status.files]
    assert [(int(p["width"]), int(p["nb_read_frames"])) for p in probes] == [(160, 25), (320, 15)]
    assert status.frame_count == 40
    assert status.bytes_written == sum((tmp_path / name).stat().st_size for name in status.files)
    assert status.duration_ms == pytest.approx(40 * FRAME_NS / 1e6, abs=1)
    assert [packet_times(tmp_path / name)[0] for name in status.files] == [0, 0]


def test_a_single_access_unit_is_a_recording(tmp_path: Path) -> None:
    """One IDR lasts one frame interval, as the SPS says it."""
    status = record(tmp_path, access_units(encode(1, fps=25)))
    assert (status.frame_count, status.duration_ms) == (1, 40)
    assert int(probe(tmp_path / str(status.filename))["nb_read_frames"]) == 1


def test_a_clock_that_goes_back_does_not_stop_the_file(tmp_path: Path) -> None:
    """Times in the file rise whatever the camera's clock does."""
    units = access_units(encode(40), intervals_ns=(FRAME_NS, -5 * 10**9, 0, 3600 * 10**9))
    status = record(tmp_path, units)
    times = packet_times(tmp_path / str(status.filename))
    assert status.error is None
    assert len(times) == 40
    assert all(earlier < later for earlier, later in pairwise(times))
