"""The figures as tables for people and as JSON for machines."""

import dataclasses
import json
import math
import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tools.benchmark.figures import slope
from tools.benchmark.run import PERCENTS, Row
from tools.benchmark.streams import DEFAULT_GOP, DEFAULT_MBPS

__all__ = [
    "machine",
    "ratios",
    "render_json",
    "render_slopes",
    "render_table",
    "render_threads",
    "render_write",
    "slopes",
]

COLUMNS: Final = (
    *("viewers", "sender", "CPU %", "RSS MB", "USS MB", "P ms", "IDR ms", "join ms"),
    *("lost", "skipped", "undecodable", "receivers' CPU %"),
)
SLOPES: Final = (
    ("viewers", "viewer", "viewers"),
    ("mbps", "Mbps", "bit rate"),
    ("gop", "access unit in a GOP", "GOP length"),
)


def machine() -> dict[str, object]:
    """What it was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    return {
        "cpu": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def render_table(rows: Sequence[Row]) -> str:
    """The rows of the default load, then how the first sender compares with each other one."""
    shown = [row for row in rows if row.load_is_default]
    table = [COLUMNS, *(_cells(row) for row in shown)]
    compared = list(ratios(shown))
    if compared:
        table += [("",) * len(COLUMNS), *(_ratio_cells(*entry) for entry in compared)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (zip(row, widths, strict=True) for row in table)
    return "\n".join("  ".join(c.rjust(w) for c, w in line).rstrip() for line in lines)


def ratios(rows: Sequence[Row]) -> Iterator[tuple[str, Row, Row]]:
    """For each load: the name of a ratio, and the two rows it is of."""
    first = rows[0].subject if rows else ""
    for row in rows:
        for other in rows:
            same = (row.viewers, row.mbps, row.gop) == (other.viewers, other.mbps, other.gop)
            if row.subject == first and other.subject != first and same:
                yield f"{first} / {other.subject}", row, other


def slopes(rows: Sequence[Row]) -> dict[str, float]:
    """CPU of the first sender over each load, with the others as they are by default."""
    found = {}
    for name, _, _ in SLOPES:
        points = _points(rows, name)
        if len(points) > 1:
            found[name] = slope(points)
    return found


def render_slopes(rows: Sequence[Row]) -> str:
    """A line for each load."""
    lines = []
    found = slopes(rows)
    for name, unit, title in SLOPES:
        if name in found:
            points = ", ".join(f"{x:g}: {y:.1f} %" for x, y in _points(rows, name))
            lines.append(f"CPU over {title}: {points}; {found[name]:+.3f} % for each {unit}")
    return "\n".join(lines)


def render_threads(rows: Sequence[Row]) -> str:
    """CPU by thread, for each row of the default load."""
    lines = []
    for row in rows:
        if row.load_is_default:
            busiest = sorted(row.thread_percent.items(), key=lambda entry: -entry[1])
            shown = ", ".join(f"{name} {value:.1f} %" for name, value in busiest if value >= 0.05)
            lines.append(f"{row.viewers} viewers, {row.subject}: {shown}")
    return "\n".join(lines)


def render_write(rows: Sequence[Row]) -> str:
    """How much of each latency is not the server's."""
    write_ms = statistics.median(row.write_ms for row in rows)
    return f"the camera's own write takes {write_ms:.2f} ms of each latency"


def render_json(every: Sequence[Row], medians: Sequence[Row]) -> str:
    """Everything, with the ratio of each figure."""
    document = {
        "machine": machine(),
        "runs": [dataclasses.asdict(row) for row in every],
        "medians": [dataclasses.asdict(row) for row in medians],
        "ratios": [
            {"ratio": name, "viewers": row.viewers, **_ratio_figures(row, other)}
            for name, row, other in ratios(medians)
        ],
        "cpu_percent_slopes": slopes(medians),
        "percentiles": PERCENTS,
    }
    return json.dumps(_without_nan(document), indent=1)


def _points(rows: Sequence[Row], name: str) -> list[tuple[float, float]]:
    """CPU over one load, the others as they are by default."""
    mine = [row for row in rows if row.subject == rows[0].subject and row.viewers > 0]
    fixed = {"viewers": 10, "mbps": DEFAULT_MBPS, "gop": DEFAULT_GOP}
    del fixed[name]  # and what is left is the default
    alike = (row for row in mine if all(getattr(row, k) == v for k, v in fixed.items()))
    return sorted((getattr(row, name), row.cpu_percent) for row in alike)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.viewers),
        row.subject,
        f"{row.cpu_percent:.1f}",
        f"{row.rss_mb:.0f}",
        f"{row.uss_mb:.0f}",
        _joined(row.p_ms, ".1f"),
        _joined(row.idr_ms, ".1f"),
        _number(row.join_ms, ".0f"),
        *(str(n) if row.viewers else "-" for n in (row.lost, row.skipped, row.undecodable)),
        f"{row.receivers_percent:.0f}",
    )


def _ratio_cells(name: str, row: Row, other: Row) -> tuple[str, ...]:
    ratio = _ratio_figures(row, other)
    percentiles = (
        _joined([ratio[f"{kind}_p{percent}_ms"] for percent in PERCENTS], ".2f")
        for kind in ("p", "idr")
    )
    return (
        str(row.viewers),
        name,
        *(_number(ratio[key], ".2f") for key in ("cpu_percent", "rss_mb", "uss_mb")),
        *percentiles,
        _number(ratio["join_ms"], ".2f"),
        *("", "", "", ""),
    )


def _ratio_figures(row: Row, other: Row) -> dict[str, float]:
    found = {
        key: _divide(getattr(row, key), getattr(other, key))
        for key in ("cpu_percent", "rss_mb", "uss_mb", "join_ms")
    }
    for i, percent in enumerate(PERCENTS):
        found[f"p_p{percent}_ms"] = _divide(row.p_ms[i], other.p_ms[i])
        found[f"idr_p{percent}_ms"] = _divide(row.idr_ms[i], other.idr_ms[i])
    return found


def _divide(value: float, other: float) -> float:
    return value / other if other else math.nan


def _joined(values: Sequence[float], form: str) -> str:
    return "-" if any(map(math.isnan, values)) else " ".join(format(v, form) for v in values)


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _without_nan(value: object) -> object:
    """JSON knows no NaN: null in its place."""
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value
