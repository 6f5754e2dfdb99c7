"""The index beside a clip: what is in it and where its access units lie, as JSON.

Strategy: everything is checked against the clip's own bytes when it is read, so that an index
of another version of the clip is an error and not a stream of halves.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from simulator.barcode import Box
from simulator.errors import FixtureError

__all__ = ["Entry", "Index", "read_index", "write_index"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one access unit lies in the clip, in bytes."""

    offset: int
    size: int
    is_idr: bool


@dataclass(frozen=True, slots=True)
class Index:
    """What is known of a clip.

    Attributes:
        source: where the pictures come from.
        licence: under which they may be passed on.
        encoder: what made the bytes.
        sha256: of the clip, in hexadecimal.
        profile: in words.
        profile_level_id: six hexadecimal digits, RFC 6184 section 8.1.
        width, height: of the picture in pixels.
        fps: access units a second.
        gop: access units from one IDR to the next.
        access_units: in order, without gaps.
        boxes: the box round the moving object in each picture; empty when nobody knows.
        object: what that is, as a detector would say it.
    """

    source: str
    licence: str
    encoder: str
    sha256: str
    profile: str
    profile_level_id: str
    width: int
    height: int
    fps: Fraction
    gop: int
    access_units: tuple[Entry, ...]
    boxes: tuple[Box, ...]
    object: str = ""

    def split(self, data: bytes) -> list[bytes]:
        """The access units of the clip.

        Raises:
            FixtureError: the bytes are not those the index was made for.
        """
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise FixtureError(
                f"the index is for a clip with SHA-256 {self.sha256[:16]}..., this one has"
                f" {found[:16]}...; make it again with tools/make_fixtures, or remove the index"
            )
        end = 0
        for number, entry in enumerate(self.access_units):
            if entry.offset != end or entry.size <= 0:
                raise FixtureError(
                    f"access unit {number} of the index has {entry.size} bytes from"
                    f" {entry.offset}, but the one before it ends at {end}"
                )
            end += entry.size
        if end != len(data):
            raise FixtureError(f"the index ends at byte {end}, the clip has {len(data)}")
        return [data[entry.offset : entry.offset + entry.size] for entry in self.access_units]


def read_index(path: Path) -> Index:
    """Read an index file.

    Raises:
        FixtureError: it cannot be read, or something is missing or of the wrong kind.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        fields["fps"] = Fraction(str(fields["fps"]))
        fields["access_units"] = tuple(
            Entry(int(offset), int(size), bool(is_idr))
            for offset, size, is_idr in fields["access_units"]
        )
        fields["boxes"] = tuple(Box(*map(int, row)) for row in fields["boxes"])
        index = Index(**fields)
        if min(index.width, index.height) <= 0 or index.fps <= 0 or not index.access_units:
            raise ValueError("width, height, fps and access units must be there")
    except OSError as error:
        raise FixtureError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise FixtureError(f"{path} is no index of a clip: {error}") from error
    return index


def write_index(path: Path, index: Index) -> None:
    """Write an index file, one access unit and one box a line."""
    fields: dict[str, Any] = asdict(index)
    fps = fields.pop("fps")
    fields["fps"] = fps.numerator if fps.denominator == 1 else str(fps)
    if not index.object:
        del fields["object"]
    rows = {
        "access_units": [list(row.values()) for row in fields.pop("access_units")],
        "boxes": [list(box) for box in fields.pop("boxes")],
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
    for key, values in rows.items():
        body = ",\n  ".join(json.dumps(row) for row in values)
        lines.append(f" {json.dumps(key)}: [" + (f"\n  {body}\n ]" if values else "]"))
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
