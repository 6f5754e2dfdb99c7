"""A clip: the access units that the simulated camera sees, and how fast.

Strategy: the whole clip is read once and cut into access units, by the index beside it (the same
name with .json) where there is one, by the rules of H.264 otherwise; the picture size and rate
then come from the stream's own parameter set. Nothing is decoded.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Self

from petstream.errors import StreamError
from petstream.h264.access_units import split_access_units
from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from petstream.h264.sps import Sps, parse_sps
from petstream.shm.layout import DATA_SIZE_MAX
from simulator.barcode import Box
from simulator.errors import FixtureError
from simulator.index import read_index

__all__ = ["FIXTURE_FOLDERS", "Fixture", "find_fixture", "fixture_names"]

# Installed, the clips lie inside the package; in the source tree they lie beside it.
FIXTURE_FOLDERS: Final = (
    Path(__file__).resolve().parent / "fixtures",
    Path(__file__).resolve().parent.parent / "fixtures",
)

# What no hardware encoder of a camera should write; played by scenarios.
_FAULTY: Final = "faulty"

_DEFAULT_FPS: Final = Fraction(30)  # what frame_interval_ms 0 means
_FPS_MIN: Final = 1  # what a VUI says beyond these is a mistake of the encoder
_FPS_MAX: Final = 1000
_FPS_DENOMINATOR_MAX: Final = 1001  # 30000/1001 and its like


@dataclass(frozen=True, slots=True)
class Fixture:
    """A clip in memory.

    Attributes:
        name: of the file, without folder and suffix.
        access_units: Annex B bytes of each, none larger than a slot.
        fps: access units a second.
        width, height: of the picture in pixels.
        boxes: the box round the moving object in each picture; empty when nobody knows.
        object: what that is, as a detector would say it.
    """

    name: str
    access_units: tuple[bytes, ...]
    fps: Fraction
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    object: str = ""

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Read a clip, by its path or by the bare name of one that comes with petstream.

        Raises:
            FixtureError: there is no such file, or it is not H.264 that fits the ring.
        """
        path = find_fixture(name)
        data = _read(path)
        index_path = path.with_suffix(".json")
        try:
            if index_path != path and index_path.is_file():
                index = read_index(index_path)
                units = _checked(path, index.split(data))
                size = index.width, index.height
                return cls(path.stem, units, index.fps, *size, index.boxes, index.object)
            units = _checked(path, split_access_units(data))
            sps = _first_sps(units)
        except StreamError as error:
            raise FixtureError(f"{path} is no H.264 stream of a camera: {error}") from error
        if sps is None:
            raise FixtureError(f"{path} has no sequence parameter set: picture size unknown")
        return cls(path.stem, units, _fps_of(sps), sps.width, sps.height)


def fixture_names() -> list[str]:
    """The bare names that ``Fixture.load`` knows."""
    return sorted({path.stem for folder in FIXTURE_FOLDERS for path in folder.glob("*.h264")})


def find_fixture(name: str | Path) -> Path:
    """The file that a path or a bare name leads to.

    Raises:
        FixtureError: there is none.
    """
    path = Path(name)
    if path.exists():
        return path
    if path.name == str(name):
        for folder in FIXTURE_FOLDERS:
            for candidate in (folder / f"{name}.h264", folder / _FAULTY / f"{name}.h264"):
                if candidate.is_file():
                    return candidate
    known = ", ".join(fixture_names()) or "none"
    raise FixtureError(f"no clip {name}: give a .h264 file or one of these names: {known}")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise FixtureError(f"{path} is not a file: a raw .h264 file is needed")
    try:
        return path.read_bytes()
    except OSError as error:
        raise FixtureError(f"cannot read {path}: {error.strerror}") from error


def _checked(path: Path, units: list[bytes]) -> tuple[bytes, ...]:
    if not units:
        raise FixtureError(f"{path} has no access unit: a raw H.264 stream (Annex B) is needed")
    for number, unit in enumerate(units):
        if len(unit) > DATA_SIZE_MAX:
            raise FixtureError(
                f"access unit {number} of {path} has {len(unit)} bytes, a slot holds"
                f" {DATA_SIZE_MAX}; encode it with a lower bit rate"
            )
    return tuple(units)


def _first_sps(units: tuple[bytes, ...]) -> Sps | None:
    for unit in units:
        for nal_unit in split_annexb(unit):
            if nal_unit_type(nal_unit) == NalUnitType.SPS:
                return parse_sps(nal_unit)
    return None


def _fps_of(sps: Sps) -> Fraction:
    if sps.frame_rate is None or not _FPS_MIN <= sps.frame_rate <= _FPS_MAX:
        return _DEFAULT_FPS
    return Fraction(sps.frame_rate).limit_denominator(_FPS_DENOMINATOR_MAX)
