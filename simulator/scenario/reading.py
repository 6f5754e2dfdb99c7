"""Timelines from TOML.

Strategy: whatever a file says is checked before anything runs, and an error names the file, the
key and what is allowed. A file may name scenarios of the catalogue beside faults of its own; they
are drawn with its seed when it is read.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from simulator.errors import ScenarioError
from simulator.scenario.catalogue import compose
from simulator.scenario.fault import fault_from_table
from simulator.scenario.timeline import Timeline

__all__ = ["parse_timeline"]

_KEYS: Final[dict[str, type]] = {
    "clip": str,
    "length": int,
    "stamp": bool,
    "fault": list,
    "scenarios": list,
    "seed": int,
}


def parse_timeline(source: str | Path, *, seed: int | None = None) -> Timeline:
    """Read a timeline from TOML, given as text or as the path of a file.

    Args:
        source: text, or a Path.
        seed: for the scenarios that the file names, instead of the file's own.

    Raises:
        ScenarioError: it cannot be read, is no TOML, or says something that no timeline can.
    """
    where = f"scenario {source}" if isinstance(source, Path) else "scenario"
    try:
        content = source.read_text() if isinstance(source, Path) else source
        table = tomllib.loads(content)
    except OSError as error:
        raise ScenarioError(f"cannot read {where}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{where} is no TOML: {error}") from error
    try:
        return _from_table(table, seed)
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from error


def _from_table(table: dict[str, Any], seed: int | None) -> Timeline:
    for key, value in table.items():
        expected = _KEYS.get(key)
        if expected is None:
            raise ScenarioError(f"unknown key {key!r}, choose from: {', '.join(_KEYS)}")
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            raise ScenarioError(f"{key} is {value!r}, expected {expected.__name__}")
    faults = [fault_from_table(_checked_table(entry)) for entry in table.get("fault", [])]
    rest = {key: table[key] for key in ("clip", "length", "stamp") if key in table}
    names = table.get("scenarios", [])
    if not names:
        return Timeline(tuple(faults), **rest)
    drawn = compose(_checked_names(names), seed if seed is not None else table.get("seed", 0))
    last = max((fault.at for fault in faults), default=0)
    settings: dict[str, Any] = {
        "clip": drawn.clip,
        "length": max(drawn.length, last + 1),
        "origin": drawn.origin,
    }
    return Timeline((*drawn.faults, *faults), **(settings | rest))


def _checked_table(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ScenarioError(f"fault is {entry!r}, expected a table")
    return entry


def _checked_names(names: Sequence[object]) -> list[str]:
    if not all(isinstance(name, str) for name in names):
        raise ScenarioError(f"scenarios is {names!r}, expected names")
    return [str(name) for name in names]
