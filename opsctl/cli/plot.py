"""Draws a range query in the terminal: 80 columns, local time below, one mark a series and a legend that names it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotext
from rich.cells import cell_len, set_cell_size

from opsctl.core.clock import local

WIDTH, HEIGHT = 80, 20
POINTS = 150
"""About two points a column: what more would not show."""
_FARTHEST = 1e300
_MARKS = "•+xo*#@%"
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_DAY = 86_400


@dataclass(frozen=True)
class Line:
    """One series: its name and (seconds since the epoch, value) pairs."""

    name: str
    points: Sequence[tuple[float, float]]


def step_of(span: float) -> float:
    """A round step in seconds that gives a range about POINTS points."""
    least = span / POINTS
    return float(next((s for s in _STEPS if s >= least), math.ceil(least / _DAY) * _DAY))


def draw(lines: Sequence[Line], begin: float, end: float, step: float) -> str:
    """The plot and its legend; of many series the first eight, and how many were left out.

    A gap longer than `step`, NaN and infinities break a line. Without colours: it reads the same in a pipe.
    """
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(WIDTH, HEIGHT)
    shown = lines[: len(_MARKS)]
    for mark, line in zip(_MARKS, shown, strict=False):
        _draw_line(line, mark if len(shown) > 1 else "hd", step)
    _draw_axes(shown, begin, end)
    text = plotext.uncolorize(str(figure.build())).rstrip("\n")
    return f"{text}\n{_legend(lines, len(shown))}"


def _draw_axes(lines: Sequence[Line], begin: float, end: float) -> None:
    moments = _spread(begin, end)
    across, up = plotext.figure.ruler("x"), plotext.figure.ruler("y")
    across.lim(begin, end)
    across.ticks(moments, [local(at, _form(end - begin)) for at in moments])
    finite = [value for line in lines for _, value in _drawn(line)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    margin = 0.0 if high - low > abs(high) * 1e-9 else abs(high) * 0.5 or 1.0
    levels = _spread(low - margin, high + margin)
    up.lim(levels[0], levels[-1])
    up.ticks(levels, _distinct(levels))


def _drawn(line: Line) -> list[tuple[float, float]]:
    """The finite points, no further out than the drawing can reckon with."""
    return [(at, max(-_FARTHEST, min(_FARTHEST, value))) for at, value in line.points if math.isfinite(value)]


def _spread(low: float, high: float) -> list[float]:
    """Five even values from one to the other."""
    return [low * (1 - part) + high * part for part in (0.0, 0.25, 0.5, 0.75, 1.0)]


def _distinct(values: Sequence[float]) -> list[str]:
    """The values in as few digits, from three on, as tell them apart."""
    for digits in range(3, 17):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(texts):
            return texts
    return [repr(value) for value in values]


def _draw_line(line: Line, mark: str, step: float) -> None:
    points = _drawn(line)
    if not points:
        return
    signal = plotext.figure.signal([at for at, _ in points], [value for _, value in points], marker=mark)
    signal.lines()
    for index in range(1, len(points)):
        if points[index][0] - points[index - 1][0] > step * 1.5:
            signal.line(index, False)
    plotext.figure.draw(signal)


def _form(span: float) -> str:
    if span > 2 * _DAY:
        return "%m-%d %H:%M"
    return "%H:%M:%S" if span < 900 else "%H:%M"


def _legend(lines: Sequence[Line], shown: int) -> str:
    rows = [f"{mark} {line.name}" for mark, line in zip(_MARKS, lines[:shown], strict=False)]
    rows = [row if cell_len(row) <= WIDTH else f"{set_cell_size(row, WIDTH - 1)}…" for row in rows]
    if len(lines) > shown:
        rows.append(f"  另有 {len(lines) - shown} 条未画 / {len(lines) - shown} more not drawn")
    return "\n".join(rows)
