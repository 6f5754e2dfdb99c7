"""What /proc says that a process costs (proc(5))."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Memory", "cpu_s", "memory", "thread_cpu_s"]

PROC: Final = Path("/proc")
TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: all that is resident, and what no other process shares."""

    rss_mb: float
    uss_mb: float


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process so far, in user and kernel mode."""
    return _cpu_s((PROC / str(pid) / "stat").read_text())


def thread_cpu_s(pid: int) -> dict[str, float]:
    """CPU time by thread name; threads of one name are one."""
    found: defaultdict[str, float] = defaultdict(float)
    for task in (PROC / str(pid) / "task").iterdir():
        try:
            stat = (task / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):  # it ended since
            continue
        name = stat.partition("(")[2].rpartition(")")[0]
        found[name] += _cpu_s(stat)
    return dict(found)


def memory(pid: int) -> Memory:
    """What a process holds now."""
    kilobytes: dict[str, int] = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        kilobytes[name] = int(value.split()[0])
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return Memory(kilobytes["Rss"] / 1024, private / 1024)


def _cpu_s(stat: str) -> float:
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND  # utime, stime
