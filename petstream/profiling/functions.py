"""Which function a line of source belongs to, for those who only know file and line.

Strategy: the functions that live in the process are looked through once; their code objects say
which lines they have. A line belongs to the function that begins last. Nothing is read from disk.
"""

import gc
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import NamedTuple

from petstream.profiling.stacks import Frame, ModuleNames

__all__ = ["FunctionFinder"]


class _Range(NamedTuple):
    first: int
    last: int
    name: str  # qualified within the module


class FunctionFinder:
    """Names the functions that lines are in; sees the functions of its own making."""

    def __init__(self) -> None:
        self._names = ModuleNames()
        self._codes: dict[str, set[CodeType]] = defaultdict(set)
        self._ranges: dict[str, list[_Range]] = {}
        for thing in gc.get_objects():
            # "<string>" is what all generated code says, so that its lines tell nothing.
            if type(thing) is FunctionType and thing.__code__.co_filename != "<string>":
                self._codes[thing.__code__.co_filename].add(thing.__code__)

    def frame(self, file: str, line: int) -> Frame:
        """The line as a frame; outside all functions it belongs to ``<module>``."""
        ranges = self._ranges.get(file)
        if ranges is None:
            found = (r for code in self._codes.get(file, ()) for r in _ranges(code))
            ranges = self._ranges[file] = sorted(found, reverse=True)
        inside = (r for r in ranges if r.first <= line <= r.last)
        first, _, name = next(inside, _Range(1, line, "<module>"))
        return Frame(self._names.qualified(file, name), file, line, first)


def _ranges(code: CodeType) -> Iterator[_Range]:
    """The lines of a function and of those within it."""
    last = max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
    yield _Range(code.co_firstlineno, last, code.co_qualname)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _ranges(constant)
