"""The clips in fixtures/ are what their indices and the README say."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from av.video.frame import VideoFrame

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.slice_header import parse_slice_header
from petstream.h264.sps import parse_sps
from simulator.barcode import ball_box, read_barcode
from simulator.fixture import Fixture, find_fixture, fixture_names
from simulator.index import Index, read_index

NAMES = fixture_names()
DRAWN = [name for name in NAMES if name.startswith("barcode")]
SIZE_OF_ALL_MAX = 6_000_000


@pytest.fixture(params=NAMES)
def path(request: pytest.FixtureRequest) -> Path:
    """Each clip in turn."""
    return find_fixture(str(request.param))


@pytest.fixture
def index(path: Path) -> Index:
    """The clip's index."""
    return read_index(path.with_suffix(".json"))


def pictures(path: Path) -> Iterator[VideoFrame]:
    """The decoded pictures of a clip."""
    with av.open(str(path), format="h264") as container:
        yield from container.decode(video=0)


def test_all_variants_are_there_and_small() -> None:
    """Footage and drawn clips, large and small, with short and long GOPs, in a few megabytes."""
    assert set(NAMES) == {
        "bbb-1080p30",
        "bbb-480p30",
        "bbb-480p30-gop4s",
        "barcode-1080p30",
        "barcode-480p30",
        "barcode-480p30-gop4s",
    }
    assert sum(find_fixture(name).stat().st_size for name in NAMES) < SIZE_OF_ALL_MAX


def test_ffprobe_sees_what_the_index_says(path: Path, index: Index) -> None:
    """Profile, size, rate, number of pictures and the place of every key picture."""
    fields = "stream=profile,has_b_frames,width,height,r_frame_rate:packet=size,flags"
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", fields, str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    stream = found["streams"][0]
    assert stream["profile"].lower() == index.profile
    assert stream["has_b_frames"] == 0
    assert (stream["width"], stream["height"]) == (index.width, index.height)
    assert stream["r_frame_rate"] == f"{index.fps.numerator}/{index.fps.denominator}"
    packets = [(int(packet["size"]), "K" in packet["flags"]) for packet in found["packets"]]
    assert packets == [(entry.size, entry.is_idr) for entry in index.access_units]


def test_ffmpeg_decodes_it_without_an_error(path: Path) -> None:
    """Nothing is said on stderr, and the exit code is 0."""
    command = ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
    result = subprocess.run(command, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


def test_it_is_what_a_hardware_encoder_writes(path: Path, index: Index) -> None:
    """Parameter sets before every IDR, one slice, one reference, no B slice, a fixed GOP."""
    slices = {NalUnitType.SLICE, NalUnitType.IDR_SLICE}
    for number, unit in enumerate(index.split(path.read_bytes())):
        nal_units = split_annexb(unit)
        kinds = [nal_unit_type(nal_unit) for nal_unit in nal_units]
        if number % index.gop == 0:
            assert kinds == [NalUnitType.SPS, NalUnitType.PPS, NalUnitType.IDR_SLICE]
            sps = parse_sps(nal_units[0])
            assert sps.profile_level_id == index.profile_level_id
            assert index.profile_level_id.startswith("42c0")
            assert (sps.width, sps.height) == (index.width, index.height)
            assert sps.max_num_ref_frames == 1
            assert not sps.may_have_b_frames
        else:
            assert kinds == [NalUnitType.SLICE]
        assert not any(
            parse_slice_header(nal_unit).is_b
            for kind, nal_unit in zip(kinds, nal_units, strict=True)
            if kind in slices
        )
    assert len(index.access_units) % index.gop == 0


def test_its_source_and_licence_are_named(path: Path, index: Index) -> None:
    """Index and README both say where it is from and on what terms."""
    readme = (path.parent / "README.md").read_text()
    assert path.stem in readme
    if path.stem in DRAWN:
        assert "tools/make_fixtures" in index.source
    else:
        assert "Blender Foundation" in index.source
        assert "CC BY 3.0" in index.licence
        assert "Blender Foundation" in readme
        assert "CC BY 3.0" in readme


@pytest.mark.parametrize("name", DRAWN)
def test_every_decoded_picture_shows_its_number(name: str) -> None:
    """The barcode survives the encoder in each picture of each drawn clip."""
    path = find_fixture(name)
    numbers = []
    for frame in pictures(path):
        plane = frame.planes[0]
        numbers.append(read_barcode(bytes(plane), plane.width, plane.height, plane.line_size))
    assert numbers == list(range(len(read_index(path.with_suffix(".json")).access_units)))


@pytest.mark.parametrize("name", DRAWN)
def test_every_decoded_picture_has_the_ball_in_its_box(name: str) -> None:
    """The boxes of the index follow the formula, and the picture is orange there."""
    path = find_fixture(name)
    index = read_index(path.with_suffix(".json"))
    length = len(index.access_units)
    for number, (frame, box) in enumerate(zip(pictures(path), index.boxes, strict=True)):
        assert box == ball_box(number, length, index.width, index.height)
        red = frame.planes[2]
        row = bytes(red)[(box.y + box.h // 2) // 2 * red.line_size :][: red.width]
        inside = [x for x, level in enumerate(row) if level > 165]
        assert abs(2 * inside[0] - box.x) <= 4
        assert abs(2 * (inside[-1] + 1) - (box.x + box.w)) <= 4


@pytest.mark.parametrize("name", sorted(set(fixture_names()) - set(DRAWN)))
def test_the_rabbit_is_in_every_picture_of_the_film(name: str) -> None:
    """A box for each, inside the picture, that moves little from one to the next."""
    clip = Fixture.load(name)
    assert clip.object == "rabbit"
    assert len(clip.boxes) == len(clip.access_units)
    for box in clip.boxes:
        assert 0 <= box.x < box.x + box.w <= clip.width
        assert 0 <= box.y < box.y + box.h <= clip.height
    for before, after in itertools.pairwise(clip.boxes):
        assert abs(after.x - before.x) <= clip.width // 30


def test_the_barcode_survives_being_made_small() -> None:
    """A canvas a fifth of the size still shows the numbers."""
    for number, frame in enumerate(pictures(find_fixture("barcode-1080p30"))):
        plane = frame.reformat(384, 216, "gray8").planes[0]
        assert read_barcode(bytes(plane), 384, 216, plane.line_size) == number
        if number == 9:
            break


def test_the_large_drawn_clip_has_the_bit_rate_of_a_real_camera() -> None:
    """1080p30 at about 8 Mbps: the load that end-to-end tests are meant for."""
    index = read_index(find_fixture("barcode-1080p30").with_suffix(".json"))
    size = sum(entry.size for entry in index.access_units)
    megabits = size * 8 * float(index.fps) / len(index.access_units) / 1e6
    assert 7.5 <= megabits <= 8.5
