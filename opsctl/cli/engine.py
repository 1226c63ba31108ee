"""A server with Prometheus' API as the engine that rules are asked of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from opsctl.client.http import OpsClient
from opsctl.core.errors import UsageError
from opsctl.model.labels import Labels
from opsctl.model.series import Series
from opsctl.promql import Vector


class ApiEngine:
    """Evaluates on the other side. Raises UsageError for what it refuses, Unreachable when nobody answers."""

    def __init__(self, client: OpsClient) -> None:
        self._client = client

    def instant(self, expr: str, at_ms: int) -> Vector:
        """A scalar is the one sample without labels."""
        data = self._client.get("/api/v1/query", query=expr, time=_seconds(at_ms))["data"]
        kind, result = data["resultType"], data["result"]
        if kind == "scalar":
            result = [{"metric": {}, "value": result}]
        elif kind != "vector":
            raise UsageError("rule result is not a vector or scalar")
        labels = tuple(Labels(each["metric"]) for each in result)
        return Vector(at_ms, labels, np.array([float(each["value"][1]) for each in result]))

    def over(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Sequence[Series]:
        span = {"start": _seconds(start_ms), "end": _seconds(end_ms), "step": _seconds(step_ms)}
        data = self._client.get("/api/v1/query_range", query=expr, **span)["data"]
        return [_series(each) for each in data["result"]]


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _series(each: dict[str, Any]) -> Series:
    times = np.array([round(float(at) * 1000) for at, _ in each["values"]], dtype=np.int64)
    return Series(Labels(each["metric"]), times, np.array([float(value) for _, value in each["values"]]))
