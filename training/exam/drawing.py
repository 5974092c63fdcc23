"""Two plots side by side as one SVG: how the loss fell, and how the exam went over the steps. Pure, plain text.

Every text in it is ours except the labels handed in, which are escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 380, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 30, 62
ROW = 17
"""Height of a legend's row."""
INK, FAINT = "#334155", "#cbd5e1"


@dataclass(frozen=True)
class Line:
    """One line of a plot."""

    label: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    """One plot: its title, its lines, and the range of its upright axis (None: as the lines need it)."""

    title: str
    lines: Sequence[Line]
    span: tuple[float, float] | None = None
    unit: str = ""


def svg(plots: Sequence[Plot]) -> str:
    """The plots as one picture, readable on white and printable."""
    width, height = WIDTH * len(plots), HEIGHT + max(_more(plot.lines) for plot in plots)
    drawn = "".join(
        f'<g transform="translate({WIDTH * place} 0)">{_plot(plot)}</g>' for place, plot in enumerate(plots)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="11" fill="{INK}">'
        f'<rect width="{width}" height="{height}" fill="white"/>{drawn}</svg>'
    )


def _plot(plot: Plot) -> str:
    points = [(x, y) for line in plot.lines for x, y in line.points if math.isfinite(y)]
    title = f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{escape(plot.title)}</text>'
    if not points:
        return title
    right = max(x for x, _ in points) or 1
    low, high = plot.span or (0.0, max(y for _, y in points) or 1.0)

    def place(x: float, y: float) -> str:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / right
        up = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / ((high - low) or 1)
        return f"{across:.1f},{up:.1f}"

    lines = "".join(
        f'<polyline fill="none" stroke="{line.colour}" stroke-width="2" points="{_path(line, place)}"/>'
        for line in plot.lines
    )
    return title + _grid(right, low, high, plot.unit) + lines + _legend(plot.lines)


def _path(line: Line, place: object) -> str:
    assert callable(place)
    return " ".join(place(x, y) for x, y in line.points if math.isfinite(y))


def _grid(right: float, low: float, high: float, unit: str) -> str:
    drawn = []
    for quarter in range(5):
        up = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * quarter / 4
        across = LEFT + (WIDTH - LEFT - RIGHT) * quarter / 4
        value, step = low + (high - low) * quarter / 4, right * quarter / 4
        drawn.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up:.1f}" y2="{up:.1f}" stroke="{FAINT}"/>'
            f'<text x="{LEFT - 6}" y="{up + 4:.1f}" text-anchor="end">{value:.3g}{escape(unit)}</text>'
            f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{step:.0f}</text>'
        )
    return "".join(drawn)


def _more(lines: Sequence[Line]) -> int:
    """What a legend needs below HEIGHT, which has room for two rows."""
    return ROW * max(0, math.ceil(len(lines) / 2) - 2)


def _legend(lines: Sequence[Line]) -> str:
    """Two to a row: the labels are in two languages."""
    drawn = []
    for place, line in enumerate(lines):
        across, down = LEFT + (WIDTH - LEFT) / 2 * (place % 2), HEIGHT - 26 + ROW * (place // 2)
        drawn.append(
            f'<circle cx="{across + 4:.1f}" cy="{down - 4}" r="4" fill="{line.colour}"/>'
            f'<text x="{across + 12:.1f}" y="{down}" font-size="10">{escape(line.label)}</text>'
        )
    return "".join(drawn)
