"""Raw recordings, from the first byte to the last."""

from pathlib import Path

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.recording import Recorder
from tests.recording.helpers import (
    access_units,
    annexb,
    decode_errors,
    decoded_frames,
    encode,
    new_source,
    probe,
    put_all,
    running,
)
from tests.scale import dice, scaled


def record(directory: Path, phase: int, count: int = 60) -> tuple[Path, int, bytes]:
    """Record a stream that is joined at ``phase``; the file, its frame count, what it has to be."""
    units = access_units(encode(90))[phase : phase + count]
    begin = next(i for i, unit in enumerate(units) if unit.is_idr)
    recorder, source = Recorder(directory), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, units)
        status = recorder.stop()
    assert status.filename is not None
    return directory / status.filename, status.frame_count, annexb(units[begin:])


def test_a_recording_is_the_canonical_byte_stream(tmp_path: Path) -> None:
    """The file is, byte for byte, the access units from the first IDR on."""
    path, frame_count, expected = record(tmp_path, 0)
    assert path.read_bytes() == expected
    assert frame_count == 60


def test_c10_a_recording_begins_with_parameter_sets_and_idr(tmp_path: Path) -> None:
    """Joined at any point of a GOP, the first bytes are SPS, PPS, IDR, and all of it decodes."""
    for phase in dice("phases").choices(range(30), k=scaled(5, 100)):
        path, frame_count, expected = record(tmp_path, phase)
        assert path.read_bytes() == expected
        types = [nal_unit_type(nal) for nal in split_annexb(expected)][:4]
        types = [t for t in types if t != NalUnitType.SEI]
        assert types[:3] == [NalUnitType.SPS, NalUnitType.PPS, NalUnitType.IDR_SLICE]
        assert frame_count == decoded_frames(path) == 60 - -phase % 10


def test_a_recording_decodes_from_its_first_frame(tmp_path: Path) -> None:
    """ffmpeg decodes as many frames as the status counts, without a complaint."""
    path, frame_count, _ = record(tmp_path, 3)
    assert decode_errors(path) == ""
    assert int(probe(path)["nb_read_frames"]) == frame_count == 53


def test_a_new_sps_goes_on_in_the_same_file(tmp_path: Path) -> None:
    """A byte stream takes a change of size in its stride."""
    small = access_units(encode(20))
    large = access_units(encode(20, width=320, height=240), first=20)
    recorder, source = Recorder(tmp_path), new_source()
    with running(recorder, source):
        recorder.start()
        put_all(source, small + large)
        status = recorder.stop()
    assert status.files == (status.filename,)
    assert (tmp_path / str(status.filename)).read_bytes() == annexb(small + large)
