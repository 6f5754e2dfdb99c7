"""A raw recording read as an MP4, and the command that makes a file of one."""

import os
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petstream.cli import main
from petstream.errors import RecordingError, UnknownRecordingError
from petstream.h264.access_unit import AccessUnit
from petstream.recording import Recorder
from petstream.recording.catalog import Catalog, Media
from petstream.recording.sidecar import SUFFIX
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


def record(directory: Path, units: list[AccessUnit]) -> Path:
    """Record access units raw."""
    recorder, source = Recorder(directory), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units)
        return directory / str(recorder.stop().filename)


def opened(path: Path) -> Media:
    """The recording as MP4."""
    return Catalog(path.parent).open(path.name, as_mp4=True)


def whole(media: Media) -> bytes:
    """All of it."""
    return b"".join(media.chunks(0, media.size))


@pytest.mark.parametrize("intervals_ns", FRAME_RATES.values(), ids=FRAME_RATES)
def test_times_are_the_capture_times(tmp_path: Path, intervals_ns: tuple[int, ...]) -> None:
    """The command's MP4 has every sample at its capture time, lasts as long, and decodes."""
    units = access_units(encode(75), intervals_ns=intervals_ns)
    path = record(tmp_path, units)
    assert main(["remux", str(path)]) == 0
    made = path.with_suffix(".mp4")
    assert decode_errors(made) == ""
    stream = probe(made)
    assert int(stream["nb_read_frames"]) == int(stream["nb_frames"]) == 75
    expected = [(unit.capture_ns - units[0].capture_ns) / 1e9 for unit in units]
    assert packet_times(made) == pytest.approx(expected, abs=1 / 90_000)
    last_interval_s = (units[-1].capture_ns - units[-2].capture_ns) / 1e9
    assert float(stream["duration"]) == pytest.approx(expected[-1] + last_interval_s, abs=0.001)


def test_samples_are_the_cameras_nal_units(tmp_path: Path) -> None:
    """Each sample is the access unit with lengths for start codes; IDR are where to seek to."""
    units = access_units(encode(25))
    path = record(tmp_path, units)
    assert main(["remux", str(path), "-o", str(tmp_path / "out.mp4")]) == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        packets = [packet for packet in container.demux() if packet.size]
        samples = [bytes(packet) for packet in packets]
        assert [packet.is_keyframe for packet in packets] == [unit.is_idr for unit in units]
    assert samples == [
        b"".join(len(nal).to_bytes(4, "big") + bytes(nal) for nal in unit.nal_units)
        for unit in units
    ]


@pytest.fixture(scope="module")
def remuxed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A recording, and its MP4."""
    path = record(tmp_path_factory.mktemp("remux"), access_units(encode(30)))
    media = opened(path)
    data = whole(media)
    media.close()
    return path, data


@settings(deadline=None)
@given(data=st.data())
def test_any_part_is_a_part_of_the_whole(data: st.DataObject, remuxed: tuple[Path, bytes]) -> None:
    """Wherever a range begins and ends, its bytes are those of the whole file."""
    path, expected = remuxed
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    media = opened(path)
    assert media.size == len(expected)
    assert b"".join(media.chunks(start, stop)) == expected[start:stop]
    media.close()


def test_parameter_sets_may_change(tmp_path: Path) -> None:
    """A raw file whose picture size changes is an MP4 that says so, and decodes to its end."""
    small = access_units(encode(20))
    large = access_units(
        encode(20, width=320, height=240), first=20, begin_ns=small[-1].capture_ns + FRAME_NS
    )
    path = record(tmp_path, small + large)
    assert main(["remux", str(path)]) == 0
    made = path.with_suffix(".mp4")
    assert probe(made)["codec_tag_string"] == "avc3"
    assert decode_errors(made) == ""
    assert len(packet_times(made)) == 40


def test_a_recording_that_runs_keeps_its_bytes(tmp_path: Path) -> None:
    """Who has had the beginning gets the rest of the same MP4, though the file has grown."""
    units = access_units(encode(60))
    recorder, source = Recorder(tmp_path), new_source()
    catalog = Catalog(tmp_path)
    with running(recorder, source):
        name = str(recorder.start().filename)
        with pytest.raises(RecordingError, match="no access unit"):
            catalog.open(name, as_mp4=True)
        put_all(source, units[:30])
        recorder.stop()
        first = catalog.open(name, as_mp4=True)
        with (tmp_path / name).open("ab") as file:
            file.write(units[30].annexb())
        resumed = catalog.open(name, as_mp4=True, resumed=True)
        assert (resumed.etag, whole(resumed)) == (first.etag, whole(first))
        first.close()
        resumed.close()


def test_without_a_sidecar_the_frame_rate_is_the_stream_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A foreign raw file becomes an MP4 too, and the command says what is not known."""
    path = tmp_path / "clip.h264"
    path.write_bytes(b"".join(unit.annexb() for unit in access_units(encode(50, fps=25))))
    assert main(["remux", str(path)]) == 0
    assert "at 25 fps, because clip.h264.times is not there" in capsys.readouterr().out
    assert float(probe(tmp_path / "clip.mp4")["duration"]) == pytest.approx(2.0, abs=0.05)
    assert main(["remux", str(tmp_path / "clip.mp4")]) == 0
    assert len(packet_times(tmp_path / "clip-remuxed.mp4")) == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: petstream remux FILE"),
        (["a", "b"], "usage: petstream remux FILE"),
        (["-x"], "usage: petstream remux FILE"),
        (["nowhere.h264"], "there is no file nowhere.h264"),
    ],
)
def test_a_command_that_makes_no_sense_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is said on stderr, with exit code 2."""
    assert main(["remux", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_command_overwrites_nothing_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is there stays, and of a failure no part is left."""
    path = record(tmp_path, access_units(encode(10)))
    (tmp_path / "out.mp4").write_text("mine")
    assert main(["remux", str(path), "-o", str(tmp_path / "out.mp4")]) == 2
    assert (tmp_path / "out.mp4").read_text() == "mine"
    garbage = tmp_path / "garbage.h264"
    garbage.write_bytes(os.urandom(2000))
    assert main(["remux", str(garbage)]) == 1
    assert "cannot remux" in capsys.readouterr().err
    assert {entry.name for entry in tmp_path.iterdir()} == {
        path.name,
        path.name + SUFFIX,
        "out.mp4",
        "garbage.h264",
    }


def test_a_recording_without_its_times_cannot_be_played_at_them(tmp_path: Path) -> None:
    """Until recovery has made a new sidecar, there is no MP4 of a raw file."""
    path = record(tmp_path, access_units(encode(10)))
    path.with_name(path.name + SUFFIX).unlink()
    with pytest.raises(UnknownRecordingError, match="lost its capture times"):
        opened(path)
