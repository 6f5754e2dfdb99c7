"""Clips: found, read, and refused with a reason."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from petstream.shm.layout import DATA_SIZE_MAX
from simulator import Fixture, FixtureError, find_fixture
from simulator.index import read_index, write_index

NAME = "barcode-480p30"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A clip and its index in a folder of their own."""
    for suffix in (".h264", ".json"):
        original = find_fixture(NAME).with_suffix(suffix)
        (tmp_path / original.name).write_bytes(original.read_bytes())
    return tmp_path / f"{NAME}.h264"


def test_a_clip_is_found_by_its_bare_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder one is in makes no difference."""
    monkeypatch.chdir(tmp_path)
    fixture = Fixture.load(NAME)
    assert (fixture.name, fixture.width, fixture.height) == (NAME, 854, 480)
    assert fixture.fps == 30
    assert len(fixture.access_units) == len(fixture.boxes) == 120


def test_without_an_index_the_stream_speaks_for_itself(copy: Path) -> None:
    """Size, rate and access units are the same; only the boxes are not known."""
    with_index = Fixture.load(copy)
    copy.with_suffix(".json").unlink()
    without = Fixture.load(str(copy))
    assert without.access_units == with_index.access_units
    assert (without.width, without.height, without.fps) == (854, 480, Fraction(30))
    assert without.boxes == ()


def test_an_index_is_written_as_it_is_read(copy: Path, tmp_path: Path) -> None:
    """Writing and reading again gives the same, an uneven rate included."""
    path = copy.with_suffix(".json")
    index = read_index(path)
    write_index(tmp_path / "again.json", index)
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    path.write_text(path.read_text().replace('"fps": 30', '"fps": "30000/1001"'))
    write_index(tmp_path / "again.json", read_index(path))
    assert read_index(tmp_path / "again.json").fps == Fraction(30000, 1001)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:50_000] + data[50_001:] + b"x",
    ],
    ids=["cut off", "longer", "shifted"],
)
def test_an_index_of_another_clip_is_refused(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    """Bytes too few, too many or shifted are noticed."""
    copy.write_bytes(damage(copy.read_bytes()))
    with pytest.raises(FixtureError, match="the index is for a clip with SHA-256"):
        Fixture.load(copy)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([[0, 100, True], [101, 50, False]], "access unit 1 of the index has 50 bytes from 101"),
        ([[0, 0, True]], "access unit 0 of the index has 0 bytes"),
        ([[0, 100, True]], r"ends at byte 100, the clip has \d+"),
    ],
    ids=["gap", "empty", "too short"],
)
def test_an_index_that_does_not_cover_its_clip_is_refused(
    copy: Path, entries: list[list[int]], message: str
) -> None:
    """Every byte of the clip belongs to exactly one access unit."""
    path = copy.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"access_units": entries}))
    with pytest.raises(FixtureError, match=message):
        Fixture.load(copy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        "\x80",
        '{"fps": 0, "access_units": [], "boxes": []}',
        '{"fps": 30, "access_units": [[1, 2]], "boxes": []}',
        '{"fps": "1/0", "access_units": [], "boxes": []}',
        '{"fps": 30, "access_units": 3, "boxes": []}',
    ],
)
def test_what_is_no_index_is_refused(copy: Path, text: str) -> None:
    """Broken JSON, other JSON and missing keys name the file."""
    copy.with_suffix(".json").write_text(text, encoding="latin-1")
    with pytest.raises(FixtureError, match=r"barcode-480p30\.json is no index"):
        Fixture.load(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"width": 854', '"width": 0'),
        ('"width": 854', '"width": "wide"'),
        ('"fps": 30', '"fps": 0'),
        ('"fps": 30', '"fps": -30'),
        ('"gop": 30', '"speed": 30'),
    ],
)
def test_impossible_values_in_an_index_are_refused(copy: Path, old: str, new: str) -> None:
    """A size or rate that cannot be, and a key that is none."""
    path = copy.with_suffix(".json")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(FixtureError, match="is no index"):
        Fixture.load(copy)


def test_an_unknown_name_lists_those_that_are_known() -> None:
    """The message helps to choose."""
    with pytest.raises(FixtureError, match=r"no clip nothing: .*barcode-480p30, "):
        Fixture.load("nothing")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has no access unit"),
        (b"plain text", "has no access unit"),
        (bytes(100_000), "has no access unit"),
        (b"\0\0\1\x67\x42\xc0\x1f\0\0\1\x68\xce", "has no access unit"),
        (b"\0\0\1\x65\x88", "has no sequence parameter set"),
        (b"\0\0\1\x67\x42\xc0\x1f\0\0\1\x65\x88", "is no H.264 stream"),
        (b"\0\0\1\x09" * 1_000_000, "is no H.264 stream"),
        (b"\0\0\1\x65" + b"\x88" * DATA_SIZE_MAX, "has 3110404 bytes, a slot holds 3110400"),
    ],
)
def test_what_is_no_clip_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """Empty, garbage, without slices, without or with a broken SPS, too large: each its words."""
    path = tmp_path / "clip.h264"
    path.write_bytes(data)
    with pytest.raises(FixtureError, match=message):
        Fixture.load(path)


def test_a_folder_is_no_clip(tmp_path: Path) -> None:
    """And neither is anything else that is no file."""
    with pytest.raises(FixtureError, match="is not a file"):
        Fixture.load(tmp_path)


def test_a_rate_that_no_camera_has_is_not_believed(copy: Path) -> None:
    """A VUI with nonsense in it gives 30 a second, as frame_interval_ms 0 does."""
    copy.with_suffix(".json").unlink()
    data = copy.read_bytes()
    # time_scale 60 as x264 writes it, two bits to the left; 2^26 is added to it.
    ticks, more_ticks = b"\x04\x00\x00\x03\x00\xf0\x3c", b"\x04\x10\x00\x00\xf0\x3c"
    assert ticks in data
    copy.write_bytes(data.replace(ticks, more_ticks))
    assert Fixture.load(copy).fps == 30
