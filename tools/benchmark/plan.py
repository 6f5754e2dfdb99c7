"""What is measured, how long and how often; and the measuring.

Strategy: the subjects take turns within each run, so that whatever else the machine does meets all
of them, and the runs are repeated, so that a median can be taken.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.benchmark.errors import NotMeasuredError
from tools.benchmark.run import Row, measure, median_row
from tools.benchmark.servers import Subject
from tools.benchmark.streams import DEFAULT_GOP, DEFAULT_MBPS, make_stream

__all__ = ["Load", "Plan", "carry_out"]


@dataclass(frozen=True, slots=True)
class Load:
    """A stream of ``mbps`` with ``gop`` access units a GOP, to so many viewers."""

    viewers: int
    mbps: float = DEFAULT_MBPS
    gop: int = DEFAULT_GOP


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        subjects: the first is the one that counts, the others are what it is compared with.
        loads: for all subjects.
        more_loads: for the first subject alone.
    """

    subjects: Sequence[Subject]
    loads: Sequence[Load]
    more_loads: Sequence[Load]
    runs: int
    seconds: float

    def steps(self) -> Iterator[tuple[Subject, Load]]:
        """Everything once."""
        for load in self.loads:
            for subject in self.subjects:
                yield subject, load
        for load in self.more_loads:
            yield self.subjects[0], load


def carry_out(plan: Plan, library: Path) -> tuple[list[Row], list[Row]]:
    """Measure, telling on stderr how far it is.

    Returns:
        Every row, and the medians over the runs; none for what could not be measured.
    """
    rows: dict[tuple[Subject, Load], list[Row]] = {step: [] for step in plan.steps()}
    total = plan.runs * len(rows)
    done = 0
    for _ in range(plan.runs):
        for subject, load in rows:
            done += 1
            _say(f"{done}/{total}: {subject.name}, {load.viewers} viewers, {load.mbps:g} Mbps, ")
            stream = make_stream(load.mbps, load.gop)
            try:
                row = measure(subject, stream, load.viewers, plan.seconds, library)
            except NotMeasuredError as exc:
                _say(f"GOP {load.gop}: not measured, {exc}\n")
                continue
            rows[subject, load].append(row)
            _say(f"GOP {load.gop}: {row.cpu_percent:.1f} % CPU\n")
    every = [row for measured in rows.values() for row in measured]
    return every, [median_row(measured) for measured in rows.values() if measured]


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
