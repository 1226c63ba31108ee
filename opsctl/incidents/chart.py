"""A line chart as inline SVG: no script, no file beside it, readable in print. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from opsctl.core.clock import local

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 220, 64, 16, 20, 34
_COLOURS = {"fired": "#c0392b", "acknowledged": "#8e44ad", "runbook": "#2471a3", "closed": "#1e8449"}


@dataclass(frozen=True)
class Line:
    """(epoch seconds, value) in order; a value None is a gap."""

    title: str
    unit: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class Mark:
    """A vertical line: something that happened."""

    at: float
    kind: str
    text: str


def line_chart(line: Line, start: float, end: float, shade: tuple[float, float], marks: Sequence[Mark]) -> str:
    """The line over [start, end]; `shade` is the time of the incident."""
    values = [v for _, v in line.points if v is not None]
    top = _nice(max([*values, 0.0]))
    low = min([*values, 0.0])
    scale = _Scale(start, end, low, top if top > low else low + 1.0)
    body = [
        _shade(scale, shade),
        *_grid(scale, line.unit),
        *_path(scale, line.points),
        *(_mark(scale, m) for m in marks if start <= m.at <= end),
    ]
    title = escape(line.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title>{''.join(body)}</svg>"
    )


@dataclass(frozen=True)
class _Scale:
    start: float
    end: float
    low: float
    top: float

    def x(self, at: float) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + width * (at - self.start) / max(self.end - self.start, 1e-9), 1)

    def y(self, value: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        return round(_TOP + height * (1 - (value - self.low) / (self.top - self.low)), 1)


def _shade(scale: _Scale, shade: tuple[float, float]) -> str:
    left, right = scale.x(max(shade[0], scale.start)), scale.x(min(shade[1], scale.end))
    height = _HEIGHT - _TOP - _BOTTOM
    return f'<rect x="{left}" y="{_TOP}" width="{max(right - left, 1):.1f}" height="{height}" fill="#fdecea"/>'


def _grid(scale: _Scale, unit: str) -> list[str]:
    made = []
    for part in range(5):
        value = scale.low + (scale.top - scale.low) * part / 4
        y = scale.y(value)
        made.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#e5e8eb"/>')
        made.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.4g}{escape(unit)}</text>')
    for part in range(5):
        at = scale.start + (scale.end - scale.start) * part / 4
        anchor = "start" if part == 0 else "end" if part == 4 else "middle"
        made.append(f'<text x="{scale.x(at)}" y="{_HEIGHT - 12}" text-anchor="{anchor}">{local(at, "%H:%M:%S")}</text>')
    return made


def _path(scale: _Scale, points: Sequence[tuple[float, float | None]]) -> list[str]:
    """One polyline for each stretch without a gap."""
    runs: list[list[str]] = [[]]
    for at, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{scale.x(at)},{scale.y(value)}")
    style = 'fill="none" stroke="#1f618d" stroke-width="2" stroke-linejoin="round"'
    return [f'<polyline points="{" ".join(run)}" {style}/>' for run in runs if run]


def _mark(scale: _Scale, mark: Mark) -> str:
    colour, x = _COLOURS.get(mark.kind, "#7f8c8d"), scale.x(mark.at)
    bottom = _HEIGHT - _BOTTOM
    return (
        f'<g><title>{escape(mark.text)}</title><line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" stroke="{colour}"'
        f' stroke-dasharray="4 3"/><circle cx="{x}" cy="{_TOP}" r="4" fill="{colour}"/></g>'
    )


def _nice(value: float) -> float:
    """The next round number at or above: 1, 2, 2.5, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 < value:
        power *= 10
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= value * 0.9999)
