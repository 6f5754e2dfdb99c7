"""How much of a thing is tried: a CI run's share, or all of it at night."""

import os
from typing import Final, TypeVar

__all__ = ["NIGHTLY", "scaled"]

NIGHTLY: Final = os.environ.get("PETSTREAM_NIGHTLY") == "1"

Figure = TypeVar("Figure", int, float)


def scaled(ci: Figure, nightly: Figure) -> Figure:
    """The figure for this run: ``nightly`` with PETSTREAM_NIGHTLY=1, ``ci`` otherwise."""
    return nightly if NIGHTLY else ci
