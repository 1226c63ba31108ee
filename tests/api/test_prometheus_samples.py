"""Samples printed a series at a time are the same text as one by one."""

from __future__ import annotations

import numpy as np
import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from opsctl.api.prometheus_samples import moment, number, numbers, rows
from opsctl.model.labels import Labels
from opsctl.model.series import STALE, Series

_EDGES = [0.0, -0.0, 1e-4, 9.999e-5, 1e15, 999999999999999.9, 1e16, 1e21, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308]
_EDGES += [float("nan"), float("inf"), float("-inf"), STALE, 0.1, 0.1 + 0.2, 2.0, 10.0, 100.05, -1e22, 1.0e5]


@given(st.lists(st.one_of(st.floats(), st.integers(-(10**18), 10**18).map(float), st.sampled_from(_EDGES))))
@example(_EDGES)
def test_together_as_one_by_one(values: list[float]) -> None:
    assert numbers(np.array(values, dtype=np.float64)) == [number(v) for v in values]


@given(st.lists(st.integers(-(2**53), 2**53), unique=True, max_size=20), st.floats())
def test_rows_are_the_plain_json(times: list[int], value: float) -> None:
    stamps = np.array(sorted(times), dtype=np.int64)
    others = stamps + 1
    names = Labels({"__name__": "a", "b": '%s"\\'})
    series = [
        Series(names, stamps, np.full(len(stamps), value)), Series(names, stamps, np.arange(len(stamps), dtype=float)),
        Series(names, others, np.full(len(stamps), 1.5)),
    ]  # fmt: skip
    plain = [
        {
            "metric": dict(one.labels),
            "values": [[moment(t), number(v)] for t, v in zip(one.times.tolist(), one.values.tolist(), strict=True)],
        }
        for one in series
    ]
    assert orjson.loads(orjson.dumps(rows(series))) == orjson.loads(orjson.dumps(plain))
