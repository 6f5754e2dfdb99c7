"""Faults of the stream: garbage, NAL units that should not be, and parameter sets that are missing.

Strategy: an access unit is cut into NAL units, changed, and joined again; its slices stay as they
are, unless the fault is that they do not. Random bytes come from a seed that is part of the fault.
"""

import random
from dataclasses import dataclass
from typing import Final

from petstream.h264.nal import NalUnitType, nal_unit_type, split_annexb
from simulator.fixture import Fixture
from simulator.scenario.fault import Fault, choice, number, text
from simulator.scenario.stage import Stage

__all__ = ["BadNalUnits", "EmptyNalUnits", "Garbage", "Headers", "Switch"]

_START_CODE: Final = b"\0\0\0\1"
_COUNT_MAX: Final = 1_000_000
_SEED_MAX: Final = 2**32 - 1
_HEADERS: Final = frozenset({NalUnitType.SPS, NalUnitType.PPS})
# nal_unit_type 0 and 24 to 31, and forbidden_zero_bit: what no decoder may be given (7.4.1).
_BAD_HEADERS: Final = (0x00, 0x60, *range(0x78, 0x80), 0x81, 0xE5, 0xFF)


def _join(nal_units: list[bytes]) -> bytes:
    return b"".join(_START_CODE + nal_unit for nal_unit in nal_units)


def _split(unit: bytes) -> list[bytes]:
    return [bytes(nal_unit) for nal_unit in split_annexb(unit)]


@dataclass(frozen=True)
class Garbage(Fault, kind="garbage"):
    """Slots with random bytes in place of an access unit.

    Attributes:
        count: access units.
        size: bytes of each.
        seed: of the random bytes.
        dense: mostly zeros, ones and start codes.
    """

    count: int = number(3, 1, _COUNT_MAX)
    size: int = number(5000, 1, 3_110_400)
    seed: int = number(1, 0, _SEED_MAX)
    dense: bool = False

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        source = random.Random(self.seed)

        def replace(unit: bytes) -> bytes:  # noqa: ARG001
            if self.dense:
                return bytes(source.choices(b"\0\0\0\0\1\1\3\x65\x67\x41", k=self.size))
            return source.randbytes(self.size)

        stage.edit_bytes(self.count, replace)


@dataclass(frozen=True)
class EmptyNalUnits(Fault, kind="empty-nal-units"):
    """Start codes with nothing behind them, before each NAL unit and at the end.

    Attributes:
        count: access units.
    """

    count: int = number(30, 1, _COUNT_MAX)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        stage.edit_bytes(
            self.count,
            lambda unit: (
                b"".join(2 * _START_CODE + nal_unit for nal_unit in _split(unit)) + _START_CODE
            ),
        )


@dataclass(frozen=True)
class BadNalUnits(Fault, kind="bad-nal-units"):
    """NAL units of types that no decoder may see, between those of the access unit.

    Attributes:
        count: access units.
        seed: of what is put in.
    """

    count: int = number(30, 1, _COUNT_MAX)
    seed: int = number(1, 0, _SEED_MAX)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        source = random.Random(self.seed)

        def put_in(unit: bytes) -> bytes:
            nal_units = []
            for nal_unit in _split(unit):
                bad = bytes([source.choice(_BAD_HEADERS)]) + source.randbytes(8).replace(b"\0", b"")
                nal_units += [bad + b"\x80", nal_unit]
            return _join(nal_units)

        stage.edit_bytes(self.count, put_in)


@dataclass(frozen=True)
class Headers(Fault, kind="headers"):
    """Parameter sets do not come as they should.

    Attributes:
        count: access units.
        how: ``missing`` leaves them out, ``swapped`` puts the PPS before the SPS, ``late`` moves
            them behind the slices, ``alone`` gives them a slot of their own in place of the
            picture.
    """

    count: int = number(60, 1, _COUNT_MAX)
    how: str = choice("missing", "swapped", "late", "alone")

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        def change(unit: bytes) -> bytes:
            nal_units = _split(unit)
            headers = [nal for nal in nal_units if nal_unit_type(nal) in _HEADERS]
            rest = [nal for nal in nal_units if nal_unit_type(nal) not in _HEADERS]
            if not headers:
                return unit
            if self.how == "alone":
                return _join(headers)
            if self.how == "swapped":
                return _join(headers[::-1] + rest)
            return _join(rest + (headers if self.how == "late" else []))

        stage.edit_bytes(self.count, change)


@dataclass(frozen=True)
class Switch(Fault, kind="switch"):
    """The camera changes to another clip, and so to another SPS and size, beginning with an IDR.

    Attributes:
        clip: a clip's name or path.
        camera_id: from now on.
    """

    clip: str = text("bbb-480p30")
    camera_id: int = number(0, 0, 255)

    def act(self, stage: Stage, now: int) -> None:  # noqa: ARG002
        stage.see(Fixture.load(self.clip), self.camera_id)
