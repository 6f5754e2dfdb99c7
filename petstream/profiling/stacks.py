"""What the threads of the process are doing: their call stacks and names.

Strategy: a stack is first taken as code objects and line numbers, which costs little, and given
names afterwards, when nothing has to be quick. The interpreter tells the stacks; the threading
module, names and the kernel's thread ids.
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Final, NamedTuple

__all__ = ["Frame", "ModuleNames", "RawStack", "Stack", "ThreadStack", "thread_stacks", "walk"]

# Deeper ones end without their outermost calls; only a runaway recursion gets there.
DEPTH_MAX: Final = 256


class Frame(NamedTuple):
    """One call.

    Attributes:
        function: module and qualified name.
        file: path of the source.
        line: the line that runs; 0 if unknown.
        first_line: where the function begins; 0 if unknown.
    """

    function: str
    file: str
    line: int
    first_line: int = 0


Stack = tuple[Frame, ...]  # innermost call first
RawStack = tuple[tuple[CodeType, int], ...]  # likewise: code and line


class ThreadStack(NamedTuple):
    """One thread and where it is."""

    name: str
    ident: int
    daemon: bool
    stack: Stack


class ModuleNames:
    """Finds the module that a source file was loaded as; sees the modules of its own making."""

    def __init__(self) -> None:
        self._by_file: dict[str, str] = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str):
                self._by_file.setdefault(file, name)

    def qualified(self, file: str, name: str) -> str:
        """The name of a function with its module in front, as far as that is known."""
        module = self._by_file.get(file)
        if module is None and file.startswith("<frozen ") and file.endswith(">"):
            module = file[len("<frozen ") : -1]
        elif module is None and not file.startswith("<"):
            module = Path(file).stem
        return f"{module}.{name}" if module else name

    def stack(self, raw: RawStack) -> Stack:
        """A stack with names."""
        return tuple(
            Frame(
                self.qualified(code.co_filename, code.co_qualname),
                code.co_filename,
                line,
                code.co_firstlineno,
            )
            for code, line in raw
        )


def walk(frame: FrameType | None) -> RawStack:
    """The calls that led to a frame, innermost first."""
    calls: list[tuple[CodeType, int]] = []
    while frame is not None and len(calls) < DEPTH_MAX:
        calls.append((frame.f_code, frame.f_lineno or 0))
        frame = frame.f_back
    return tuple(calls)


def thread_stacks(names: ModuleNames) -> list[ThreadStack]:
    """Every thread that runs Python code, in the order of their start."""
    frames = sys._current_frames()
    raw = {ident: walk(frame) for ident, frame in frames.items()}
    del frames  # a frame that refers to itself would be kept until the next garbage collection
    return [
        ThreadStack(thread.name, thread.ident, thread.daemon, names.stack(raw.pop(thread.ident)))
        for thread in threading.enumerate()
        if thread.ident in raw
    ] + _unnamed(raw, names)


def _unnamed(raw: Mapping[int, RawStack], names: ModuleNames) -> list[ThreadStack]:
    """Threads that no Thread object stands for: started by a library in another language."""
    found: Iterable[tuple[int, RawStack]] = raw.items()
    return [ThreadStack(f"thread {i:#x}", i, True, names.stack(calls)) for i, calls in found]
