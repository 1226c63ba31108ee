"""`stats=…` of a query: how long it took, how many samples. Source: prometheus util/stats/query_stats.go."""

from __future__ import annotations

from typing import Any

from opsctl.promql import Matrix, Value, Vector


def statistics(value: Value, seconds: float) -> dict[str, Any]:
    """Prometheus' keys. All is evaluated at once, so all time is the evaluation's; samples are those of the answer."""
    samples = _samples(value)
    return {
        "timings": {
            "evalTotalTime": seconds, "resultSortTime": 0, "queryPreparationTime": 0, "innerEvalTime": seconds,
            "execQueueTime": 0, "execTotalTime": seconds,
        },
        "samples": {"totalQueryableSamples": samples, "peakSamples": samples},
    }  # fmt: skip


def _samples(value: Value) -> int:
    if isinstance(value, Matrix):
        return sum(len(series.times) for series in value)
    return len(value) if isinstance(value, Vector) else 0
