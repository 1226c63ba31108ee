"""Samples in flat arrays hold the same series as a list of them; label rows remember without changing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from opsctl.model.labelrows import LabelRows
from opsctl.model.labels import Labels
from opsctl.model.samples import Samples
from opsctl.model.series import Series

AXES = st.lists(st.integers(0, 50), unique=True, max_size=6).map(sorted)
SERIES = st.lists(st.tuples(AXES, st.integers(0, 3)), max_size=8)


def made(shapes: list[tuple[list[int], int]]) -> list[Series]:
    return [
        Series(
            Labels({"__name__": "m", "row": str(row), "kind": str(kind)}),
            np.array(times, dtype=np.int64),
            np.array([row * 100 + t for t in times], dtype=np.float64),
        )
        for row, (times, kind) in enumerate(shapes)
    ]


def told(series: list[Series] | Samples) -> list[tuple[Labels, list[tuple[int, float]]]]:
    return [(s.labels, list(zip(s.times.tolist(), s.values.tolist(), strict=True))) for s in series]


@given(SERIES)
def test_flat_arrays_hold_every_series_that_has_samples(shapes: list[tuple[list[int], int]]) -> None:
    series = made(shapes)
    assert told(Samples.of(series)) == told([s for s in series if len(s.times)])


@given(SERIES, st.sets(st.integers(0, 850)))
def test_what_is_taken_out_is_gone_and_nothing_else(shapes: list[tuple[list[int], int]], gone: set[int]) -> None:
    series = made(shapes)
    samples = Samples.of(series)
    left = samples.without(np.isin(samples.values, list(gone)))
    wanted = [(labels, [p for p in points if int(p[1]) not in gone]) for labels, points in told(samples)]
    assert told(left) == [(labels, points) for labels, points in wanted if points]
    again = left.without(np.isin(left.values, [v + 1 for v in gone]))
    assert sum(again.lengths) == sum(int(v) - 1 not in gone for v in left.values[:].tolist())


@given(SERIES, st.data())
def test_some_rows(shapes: list[tuple[list[int], int]], data: st.DataObject) -> None:
    samples = Samples.of(made(shapes))
    rows = data.draw(st.lists(st.integers(0, len(samples) - 1), unique=True)) if len(samples) else []
    chosen = samples.only(np.array(rows, dtype=np.int64))
    assert told(chosen) == [told(samples)[row] for row in rows]


@given(SERIES, st.booleans())
def test_groups_are_those_of_the_labels(shapes: list[tuple[list[int], int]], without: bool) -> None:
    rows = LabelRows(s.labels for s in made(shapes))
    for _ in range(2):
        found = rows.grouped(("kind",), without)
        keys = [each.without(("kind", "__name__")) if without else each.only(("kind",)) for each in rows]
        assert [found.rows[g] for g in found.index.tolist()] == keys
        assert sorted(found.order.tolist()) == list(range(len(rows)))
    assert rows.grouped(("kind",), without) is found
    assert rows.nameless() is rows.nameless()
    assert rows.unique == (len(set(rows)) == len(rows))


def test_it_forgets_rather_than_grows() -> None:
    rows = LabelRows([Labels({"a": "1"})])
    for number in range(1000):
        assert rows.memo(number, lambda number=number: [number]) == [number]
    assert len(rows._made) < 100
