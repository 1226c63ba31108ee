"""Plots of range queries: any values, 80 columns, marks and a legend."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from opsctl.cli.plot import POINTS, WIDTH, Line, draw, step_of

BEGIN, STEP = 1_700_000_000.0, 30.0
END = BEGIN + 3600


def line(name: str, values: list[float]) -> Line:
    return Line(name, [(BEGIN + i * STEP, value) for i, value in enumerate(values)])


def test_axes_marks_and_legend() -> None:
    text = draw([line('up{job="a"}', [0.0, 4.0]), line("other", [2.0] * 100)], BEGIN, END, STEP)
    rows = text.splitlines()
    assert rows[-2:] == ['• up{job="a"}', "+ other"]
    assert [rows[-3].split()[i] for i in (0, -1)] == ["06:13", "07:13"]  # Shanghai
    assert [row.split("┤")[0].strip() for row in rows if "┤" in row] == ["4", "3", "2", "1", "0"]
    assert [("+" * 60) in row for row in rows].count(True) == 1
    assert "\x1b" not in text


def test_a_gap_breaks_the_line() -> None:
    values = [1.0] * 40 + [float("nan")] * 40 + [1.0] * 40
    broken, whole = (draw([line("a", v), line("b", [0.0])], BEGIN, END, STEP) for v in (values, [1.0] * 120))
    assert broken.count("•") < whole.count("•") * 0.75


def test_many_series_are_counted() -> None:
    text = draw([line(f"s{n}", [float(n)]) for n in range(11)], BEGIN, END, STEP)
    assert text.endswith("另有 3 条未画 / 3 more not drawn")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(), min_size=1, max_size=30), min_size=1, max_size=3))
def test_any_values_fit_80_columns(values: list[list[float]]) -> None:
    text = draw([line("名" * n + "x" * 90, v) for n, v in enumerate(values)], BEGIN, END, STEP)
    assert max(cell_len(row) for row in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("span", [1.0, 60.0, 3600.0, 86_400.0, 7 * 86_400.0, 3650 * 86_400.0])
def test_a_step_gives_a_fitting_number_of_points(span: float) -> None:
    assert span / step_of(span) <= POINTS
    assert step_of(span) == 1 or span / step_of(span) > POINTS / 3
