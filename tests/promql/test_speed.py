"""A range query is one array expression: the time it takes shows when somebody turns it into a loop."""

from __future__ import annotations

import time

import numpy as np

from opsctl.model.labels import Labels
from opsctl.model.series import Series
from opsctl.promql import evaluate_range
from tests.promql.memory import Memory


def test_a_rate_over_1600_series_and_460_steps_takes_less_than_a_second() -> None:
    store = Memory()
    values = np.cumsum(np.random.default_rng(1).random((1600, 480)), axis=1)
    for index in range(1600):
        labels = Labels({"__name__": "m_total", "instance": str(index // 8), "cpu": str(index % 8)})
        times = np.arange(480, dtype=np.int64) * 15_000 + index // 8
        store.series.append(Series(labels, times, values[index]))
    took = []
    for _ in range(3):
        began = time.perf_counter()
        found = evaluate_range("avg by (instance) (rate(m_total[5m]))", store, 300_000, 300_000 + 459 * 15_000, 15_000)
        took.append(time.perf_counter() - began)
    assert len(found) == 200
    assert min(took) < 1.0
