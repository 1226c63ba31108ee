"""Prometheus' JSON of values, targets, rules and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from opsctl.api.prometheus_samples import moment, numbers, rows
from opsctl.promql import Matrix, Scalar, String, Value
from opsctl.promql.number import format_float, printable

_CUT = "results truncated due to limit"
_MOST_NOTES = 10
STATUS = {
    "bad_data": 400, "execution": 422, "timeout": 503, "canceled": 499, "not_found": 404,
    "not_acceptable": 406, "internal": 500,
}  # fmt: skip


def success(data: Any, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    body: dict[str, Any] = {"status": "success", "data": data}
    if warnings:
        body["warnings"] = _few(warnings, "warning")
    if infos:
        body["infos"] = _few(infos, "info")
    return Response(_json(body), media_type="application/json")


def _few(notes: Sequence[str], kind: str) -> list[str]:
    """At most ten, and how many are left out. Source: util/annotations AsStrings."""
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], f"{more} more {kind} annotations omitted"] if more > 0 else list(notes)


def failure(kind: str, message: str, status: int = 0) -> Response:
    """An error; its HTTP status is that of its kind unless `status` says otherwise."""
    body = {"status": "error", "errorType": kind, "error": message}
    return Response(_json(body), status or STATUS.get(kind, 500), media_type="application/json")


def _json(body: dict[str, Any]) -> bytes:
    """As JSON; a text with bytes that are not UTF-8 (an expression may write them) shows U+FFFD in their place."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return orjson.dumps(_printable(body))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, (list, tuple)) else value


def value_data(value: Value) -> dict[str, Any]:
    """The `data` of a query."""
    if isinstance(value, Scalar):
        return {"resultType": "scalar", "result": [moment(value.at_ms), format_float(value.value)]}
    if isinstance(value, String):
        return {"resultType": "string", "result": [moment(value.at_ms), value.value]}
    if isinstance(value, Matrix):
        return {"resultType": "matrix", "result": rows(value.series)}
    at = moment(value.at_ms)
    texts = numbers(value.values)
    found = [{"metric": dict(labels), "value": [at, text]} for labels, text in zip(value.labels, texts, strict=True)]
    return {"resultType": "vector", "result": found}


def result(value: Value, limit: int, stats: Mapping[str, Any] | None = None) -> Response:
    """A query's answer, with what was noted on the way, and `stats` where they were asked for."""
    cut, told = _sized(value, limit)
    data = value_data(cut)
    return success({**data, "stats": stats} if stats else data, (*value.warnings, *told), value.infos)


def limited(rows: list[Any], limit: int) -> Response:
    """At most `limit` rows (0: all), with Prometheus' warning when something was cut."""
    if limit and len(rows) > limit:
        return success(rows[:limit], (_CUT,))
    return success(rows)


def _sized(value: Value, limit: int) -> tuple[Value, tuple[str, ...]]:
    """A result cut to `limit` series, with Prometheus' warning when something was cut."""
    if not limit or isinstance(value, (Scalar, String)) or len(value) <= limit:
        return value, ()
    told = (_CUT,)
    if isinstance(value, Matrix):
        return Matrix(value.series[:limit], value.warnings, value.infos), told
    cut = type(value)(value.at_ms, value.labels[:limit], value.values[:limit], value.warnings, value.infos)
    return cut, told


def top(counts: Mapping[str, int], limit: int) -> list[dict[str, Any]]:
    """The largest counts as Prometheus lists them."""
    ordered = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:limit]
    return [{"name": name, "value": count} for name, count in ordered]
