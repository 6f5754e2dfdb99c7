"""A timeline: which clip is played, and what goes wrong at which access unit.

Strategy: a timeline is data, all of it decided before the first access unit, so that it can be
printed as TOML and done again from there (``scenario.reading``).
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.errors import ScenarioError
from simulator.scenario.fault import Fault, fault_to_table
from simulator.scenario.stage import Stage

__all__ = ["DEFAULT_CLIP", "Timeline"]

DEFAULT_CLIP: Final = "barcode-480p30"

_LENGTH_MAX: Final = 10_000_000


@dataclass(frozen=True)
class Timeline:
    """What a camera does, and what goes wrong.

    Attributes:
        faults: by rising ``at``; those of one access unit in the order in which they are done.
        clip: name or path of the clip it begins with.
        length: access units until it is over, or begins again.
        stamp: each access unit carries a stamp (petstream.h264.sei) with its true number.
        origin: how it came about, for whoever reads it.
    """

    faults: tuple[Fault, ...]
    clip: str = DEFAULT_CLIP
    length: int = 300
    stamp: bool = True
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.length <= _LENGTH_MAX:
            raise ScenarioError(
                f"timeline has a length of {self.length}, allowed is 1 to {_LENGTH_MAX}"
            )
        ordered = tuple(sorted(self.faults, key=lambda fault: fault.at))
        object.__setattr__(self, "faults", ordered)
        if ordered and ordered[-1].at >= self.length:
            last = ordered[-1]
            raise ScenarioError(
                f"fault {last.kind} is at {last.at}, but the timeline has a length of {self.length}"
            )

    def begin(self, number: int, stage: Stage) -> list[Fault]:
        """Do what is due before access unit ``number``; the faults that were."""
        due = [fault for fault in self.faults if fault.at == number % self.length]
        for fault in due:
            fault.act(stage, number)
        return due

    def to_toml(self) -> str:
        """The timeline as a file that ``scenario.reading`` reads back."""
        lines = [f"# {self.origin}"] if self.origin else []
        lines += _assignments({"clip": self.clip, "length": self.length, "stamp": self.stamp})
        for fault in self.faults:
            lines += ["", "[[fault]]", *_assignments(fault_to_table(fault))]
        return "\n".join(lines) + "\n"


def _assignments(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: object) -> str:
    # JSON writes strings, whole numbers and truth values as TOML does, but for this character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
