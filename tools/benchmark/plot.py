"""CPU and latency over viewers as an SVG, which follows the page's light or dark scheme."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tools.benchmark.run import PERCENTS, Row

__all__ = ["render_svg"]

WIDTH: Final = 420  # of a panel, in pixels
HEIGHT: Final = 300
LEFT: Final = 48
TOP: Final = 34
RIGHT: Final = 16
BOTTOM: Final = 74
COLOURS: Final = ("#2f81f7", "#d29922", "#8b949e")
DASHES: Final = ("", "4 3")  # median, 99th percentile
STYLE: Final = (
    "text{font:12px sans-serif;fill:#1f2328}.title{font-weight:bold}"
    ".axis{stroke:#1f2328}.grid{stroke:#1f2328;stroke-opacity:.15}polyline{fill:none;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.axis,.grid{stroke:#e6edf3}}"
)


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    colour: str
    dash: str
    points: list[tuple[float, float]]


def render_svg(rows: Sequence[Row]) -> str:
    """Two panels beside each other; rows of one load but for the viewers."""
    senders = list(dict.fromkeys(row.subject for row in rows))
    colours = dict(zip(senders, COLOURS * len(senders), strict=False))
    cpu = [
        _Line(s, colours[s], "", [(r.viewers, r.cpu_percent) for r in rows if r.subject == s])
        for s in senders
    ]
    latency = [
        _Line(
            f"{sender}, {name}",
            colours[sender],
            dash,
            [(r.viewers, r.p_ms[i]) for r in rows if r.subject == sender and r.viewers],
        )
        for sender in senders
        for name, dash, i in (("50 %", DASHES[0], 0), ("99 %", DASHES[1], len(PERCENTS) - 1))
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {2 * WIDTH} {HEIGHT}"><style>{STYLE}</style>'
        f"{_panel('CPU of the server, % of one core', cpu)}"
        f'<g transform="translate({WIDTH})">'
        f"{_panel('Latency of P access units, ms', latency)}</g></svg>\n"
    )


def _panel(title: str, lines: Sequence[_Line]) -> str:
    points = [p for line in lines for p in line.points if not math.isnan(p[1])]
    most_x = max((x for x, _ in points), default=1) or 1
    step_y = _step(max((y for _, y in points), default=1))
    most_y = step_y * math.ceil(max((y for _, y in points), default=1) / step_y)

    def x_of(x: float) -> float:
        return round(LEFT + x / most_x * (WIDTH - LEFT - RIGHT), 1)

    def y_of(y: float) -> float:
        return round(HEIGHT - BOTTOM - y / most_y * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<text class="title" x="{LEFT}" y="18">{title}</text>']
    for i in range(round(most_y / step_y) + 1):
        y = y_of(i * step_y)
        kind = "grid" if i else "axis"
        parts.append(f'<path class="{kind}" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{i * step_y:g}</text>')
    for x in sorted({x for x, _ in points}):
        place = f'x="{x_of(x)}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle"'
        parts.append(f"<text {place}>{x:g}</text>")
    for i, line in enumerate(lines):
        drawn = " ".join(f"{x_of(x)},{y_of(y)}" for x, y in line.points if not math.isnan(y))
        stroke = f'stroke="{line.colour}" stroke-dasharray="{line.dash}"'
        parts.append(f'<polyline {stroke} points="{drawn}"/>')
        parts.append(_legend(i, line, stroke))
    parts.append(
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - BOTTOM + 32}" text-anchor="end">viewers</text>'
    )
    return "".join(parts)


def _legend(i: int, line: _Line, stroke: str) -> str:
    x = LEFT + i % 2 * (WIDTH - LEFT) // 2
    y = HEIGHT - BOTTOM + 44 + i // 2 * 16
    return (
        f'<path {stroke} stroke-width="2" d="M{x} {y - 4}h24"/>'
        f'<text x="{x + 30}" y="{y}">{line.label}</text>'
    )


def _step(most: float) -> float:
    """A round distance between grid lines, of which there are then three to eight."""
    power = 10.0 ** math.floor(math.log10(max(most, 1e-9)))
    return next(power * part for part in (0.2, 0.25, 0.5, 1, 2) if most / (power * part) <= 8)
