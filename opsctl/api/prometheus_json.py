"""Prometheus' JSON of values, targets, rules and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from opsctl.model.series import Series
from opsctl.promql import Matrix, Scalar, String, Value
from opsctl.promql.number import format_float

STATUS = {
    "bad_data": 400, "execution": 422, "timeout": 503, "canceled": 499, "not_found": 404,
    "not_acceptable": 406, "internal": 500,
}  # fmt: skip


def success(data: Any, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    body: dict[str, Any] = {"status": "success", "data": data}
    if warnings:
        body["warnings"] = list(warnings)
    if infos:
        body["infos"] = list(infos)
    return Response(orjson.dumps(body), media_type="application/json")


def failure(kind: str, message: str) -> Response:
    body = {"status": "error", "errorType": kind, "error": message}
    return Response(orjson.dumps(body), STATUS.get(kind, 500), media_type="application/json")


def number(value: float) -> str:
    """A sample's value: as short as it reads back, exponents only below 1e-6 and from 1e21 on."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" in text and (0 < abs(value) < 1e-6 or 1e21 <= abs(value) < float("inf")):
        return text
    return text if "e" not in text and "n" not in text else format_float(value)


def moment(ms: int) -> int | float:
    """ms as the seconds that Prometheus prints: 1435781451 or 1435781451.781."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def value_data(value: Value) -> dict[str, Any]:
    """The `data` of a query."""
    if isinstance(value, Scalar):
        return {"resultType": "scalar", "result": [moment(value.at_ms), format_float(value.value)]}
    if isinstance(value, String):
        return {"resultType": "string", "result": [moment(value.at_ms), value.value]}
    if isinstance(value, Matrix):
        return {"resultType": "matrix", "result": _rows(value.series)}
    at = moment(value.at_ms)
    rows = [{"metric": dict(labels), "value": [at, number(v)]} for labels, v in value]
    return {"resultType": "vector", "result": rows}


def _rows(series: Sequence[Series]) -> list[dict[str, Any]]:
    stamps: dict[int, list[int | float]] = {}
    rows = []
    for one in series:
        if id(one.times) not in stamps:
            stamps[id(one.times)] = [moment(ms) for ms in one.times.tolist()]
        values = [number(v) for v in one.values.tolist()]
        rows.append({"metric": dict(one.labels), "values": list(zip(stamps[id(one.times)], values, strict=True))})
    return rows


def sized(value: Value, limit: int) -> tuple[Value, tuple[str, ...]]:
    """A result cut to `limit` series, with Prometheus' warning when something was cut."""
    if not limit or isinstance(value, (Scalar, String)) or len(value) <= limit:
        return value, ()
    told = ("results truncated due to limit",)
    if isinstance(value, Matrix):
        return Matrix(value.series[:limit], value.warnings, value.infos), told
    cut = type(value)(value.at_ms, value.labels[:limit], value.values[:limit], value.warnings, value.infos)
    return cut, told


def top(counts: Mapping[str, int], limit: int) -> list[dict[str, Any]]:
    """The largest counts as Prometheus lists them."""
    ordered = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:limit]
    return [{"name": name, "value": count} for name, count in ordered]
