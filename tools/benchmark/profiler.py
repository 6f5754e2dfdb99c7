"""Where the server's CPU goes: by thread, and by function within each.

Strategy: py-spy looks at the server from outside, many times a second, and says which threads were
on a CPU and where. What it looks at is slowed down by it: shares are right, and sums are not.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["Profiler"]

RATE_HZ: Final = 100
SHOWN: Final = 12  # functions of a thread
# py-spy takes a thread in a blocking call for busy if the kernel ran it just then.
WAITING: Final = (
    "wait (",
    "poll2 (",
    "select (",
    "sigwait (",
    "get (petstream/flow",
    "read (petstream/shm/ring",
)


class Profiler:
    """Runs py-spy on a process, and keeps what it saw.

    Attributes:
        samples: by thread and function, waiting left out.
    """

    def __init__(self, seconds: float, directory: Path) -> None:
        self.samples: dict[str, Counter[str]] = {}
        self._seconds = seconds
        self._output = directory / "stacks.txt"

    def watch(self, pid: int) -> None:
        """Look at a process for the whole time.

        Raises:
            subprocess.CalledProcessError: py-spy may not look at it, or is not there.
        """
        spy = Path(sys.executable).with_name("py-spy")
        options = f"--threads --format raw --rate {RATE_HZ} --duration {round(self._seconds)}"
        command = [str(spy), "record", *options.split(), f"--output={self._output}", f"--pid={pid}"]
        subprocess.run(command, check=True, capture_output=True)
        for thread, function, count in _stacks(self._output.read_text()):
            self.samples.setdefault(thread, Counter())[function] += count

    def render(self) -> str:
        """The threads, the busiest first, each with its functions."""
        total = sum(counts.total() for counts in self.samples.values()) or 1
        lines = []
        for thread, counts in sorted(self.samples.items(), key=lambda entry: -entry[1].total()):
            lines.append(f"{100 * counts.total() / total:5.1f} %  {thread}")
            for function, count in counts.most_common(SHOWN):
                lines.append(f"    {100 * count / total:5.1f} %  {function}")
        return "\n".join(lines)


def _stacks(text: str) -> Iterator[tuple[str, str, int]]:
    """Thread, innermost function and count, from py-spy's collapsed stacks."""
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not any(mark in frames[-1] for mark in WAITING):
            yield frames[0].partition(": ")[2] or frames[0], frames[-1], int(count)
