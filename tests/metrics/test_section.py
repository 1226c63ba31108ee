"""The matrices of a store become flat samples: the same series as joined one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from opsctl.metrics.flat import to_samples
from opsctl.metrics.index import LabelIndex
from opsctl.metrics.section import Section, absent, is_absent
from opsctl.model.labels import Labels

CUT = st.tuples(st.integers(0, 2), st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True), st.integers(1, 4))


@given(st.lists(CUT, max_size=8), st.booleans(), st.data())
def test_flat_samples_are_the_joined_series(
    cuts: list[tuple[int, list[int], int]], shared: bool, data: st.DataObject
) -> None:
    """Sources with slabs after each other, series that come and go; `shared`: a series may stand in two sources."""
    index = LabelIndex()
    for number in range(18):
        index.intern(Labels({"__name__": "m", "n": str((number * 7) % 18)}))
    clock = [0, 0, 0]
    sections = []
    for source, rows, columns in cuts:
        refs = np.array(rows, dtype=np.int64) + (0 if shared else 6 * source)
        times = np.arange(columns, dtype=np.int64) * 3 + clock[source] + source
        clock[source] += 3 * columns
        values = absent((len(rows), columns))
        for cell in range(values.size):
            if data.draw(st.integers(0, 3)):
                values.flat[cell] = float(cell + 100 * len(sections))
        sections.append(Section(f"source {source}", refs, times, values))
    found = {s.labels: (s.times.tolist(), s.values.tolist()) for s in to_samples(sections, index)}
    wanted = {
        index.labels(ref): tuple(map(list, zip(*sorted(row.items()), strict=True)))
        for ref, row in one_by_one(sections).items()
    }
    assert found == wanted
    assert list(found) == sorted(found)


def one_by_one(sections: list[Section]) -> dict[int, dict[int, float]]:
    """Each cell in its place; of two at one time the first stays."""
    rows: dict[int, dict[int, float]] = {}
    for section in sections:
        for ref, values, gone in zip(section.refs.tolist(), section.values, is_absent(section.values), strict=True):
            for time, value, absent_here in zip(section.times.tolist(), values.tolist(), gone.tolist(), strict=True):
                if not absent_here:
                    rows.setdefault(ref, {}).setdefault(time, value)
    return rows
