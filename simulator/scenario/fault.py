"""What every fault is: a frozen dataclass that says when, how much, and what to do.

Strategy: a fault's fields are its form in TOML too; the table of one is ``kind``, ``at`` and the
fields. Numbers carry their range as metadata, so that one check serves files and Python alike,
and an error names field, value and range. Nothing in a fault is random: who makes one draws its
numbers, which is why a printed timeline replays.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from simulator.errors import ScenarioError
from simulator.scenario.stage import Stage

__all__ = ["FAULT_KINDS", "Fault", "choice", "fault_from_table", "fault_to_table", "number", "text"]

AT_MAX: Final = 10_000_000  # four days at 30 a second

FAULT_KINDS: Final[dict[str, type["Fault"]]] = {}


def number(default: int, lowest: int, highest: int) -> Any:
    """A whole number within a range."""
    return field(default=default, metadata={"range": (lowest, highest)})


def choice(default: str, *others: str) -> Any:
    """One of these words."""
    return field(default=default, metadata={"choices": (default, *others)})


def text(default: str) -> Any:
    """Any words."""
    return field(default=default, metadata={})


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong before a certain access unit is written.

    Attributes:
        kind: its name in a timeline.
        at: number of the access unit, the first being 0.
    """

    kind: ClassVar[str]
    at: int = number(0, 0, AT_MAX)

    def __init_subclass__(cls, *, kind: str = "") -> None:
        super().__init_subclass__()
        if kind:
            cls.kind = kind
            FAULT_KINDS[kind] = cls

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            self._check(entry, getattr(self, entry.name))

    def act(self, stage: Stage, now: int) -> None:
        """Do it, in the camera's thread; ``now`` is the number of the next access unit."""
        raise NotImplementedError

    def describe(self) -> str:
        """One line: when, what, and its numbers."""
        table = fault_to_table(self)
        rest = " ".join(f"{key}={table[key]}" for key in table if key not in {"at", "kind"})
        return f"{self.at}: {self.kind} {rest}".rstrip()

    def _check(self, entry: "dataclasses.Field[Any]", value: object) -> None:
        where = f"fault {self.kind}: {entry.name} is {value!r}"
        if not isinstance(value, type(entry.default)) or isinstance(value, bool) != isinstance(
            entry.default, bool
        ):
            raise ScenarioError(f"{where}, expected {type(entry.default).__name__}")
        if "range" in entry.metadata:
            lowest, highest = entry.metadata["range"]
            assert isinstance(value, int)
            if not lowest <= value <= highest:
                raise ScenarioError(f"{where}, allowed is {lowest} to {highest}")
        if "choices" in entry.metadata and value not in entry.metadata["choices"]:
            raise ScenarioError(f"{where}, choose from: {', '.join(entry.metadata['choices'])}")


def fault_from_table(table: dict[str, Any]) -> Fault:
    """Make the fault that a table of a timeline describes.

    Raises:
        ScenarioError: kind or field is unknown, or a value is out of range.
    """
    fields = dict(table)
    kind = fields.pop("kind", None)
    cls = FAULT_KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ScenarioError(f"no fault {kind!r}, choose from: {', '.join(sorted(FAULT_KINDS))}")
    known = [entry.name for entry in dataclasses.fields(cls)]
    for name in fields:
        if name not in known:
            raise ScenarioError(f"fault {kind} has no {name!r}, it has: {', '.join(known)}")
    return cls(**fields)


def fault_to_table(fault: Fault) -> dict[str, Any]:
    """The table of a fault; ``fault_from_table`` makes the same again."""
    fields = {entry.name: getattr(fault, entry.name) for entry in dataclasses.fields(fault)}
    return {"at": fields.pop("at"), "kind": fault.kind, **fields}
