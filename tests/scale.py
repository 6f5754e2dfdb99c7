"""How much of a thing is tried, and whether it may be slow: a gate's share, or all of it at night.

The gate asserts what happens, within deadlines that no busy machine misses. What is a speed or a
size is printed by every run, and asserted at night alone.
"""

import os
import random
from typing import Final, TypeVar

__all__ = ["NIGHTLY", "deadline_s", "dice", "scaled", "within"]

NIGHTLY: Final = os.environ.get("NIGHTLY_TESTS") == "1"

Figure = TypeVar("Figure", int, float, str)


def scaled(ci: Figure, nightly: Figure) -> Figure:
    """The figure for this run: ``nightly`` with NIGHTLY_TESTS=1, ``ci`` otherwise."""
    return nightly if NIGHTLY else ci


def deadline_s(limit_s: float) -> float:
    """How long to wait for what takes ``limit_s`` at most: in the gate ten times that, or 10 s."""
    return limit_s if NIGHTLY else max(10.0, 10 * limit_s)


def within(what: str, figure: float, limit: float) -> None:
    """Print a speed or a size; at night it has to keep its limit."""
    print(f"{what}: {figure:.3g}, at most {limit:g}")
    assert not NIGHTLY or figure <= limit, f"{what}: {figure:.3g} is more than {limit:g}"


def dice(name: str) -> random.Random:
    """Random numbers: the same in each gate, others every night, whose seed is printed."""
    seed = f"{name} {random.randrange(2**32)}" if NIGHTLY else name
    print(f"seed: {seed}")
    return random.Random(seed)
