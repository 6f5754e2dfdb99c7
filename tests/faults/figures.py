"""What a process holds, from /proc."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Holding", "holding"]


@dataclass(frozen=True)
class Holding:
    """A process' memory in bytes, and how many descriptors and threads it has."""

    rss: int
    descriptors: int
    threads: int


def holding(pid: int) -> Holding:
    """What a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    rss_kb, threads = (
        int(re.findall(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[0])
        for name in ("VmRSS", "Threads")
    )
    return Holding(1024 * rss_kb, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads)
