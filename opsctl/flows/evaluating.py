"""Who evaluates PromQL: we ourselves over a store, or the engine that has the samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from opsctl.metrics.remote import RemoteApi, RemoteRefused, series_of
from opsctl.model.labels import Labels
from opsctl.model.series import Querier
from opsctl.promql import (
    LOOKBACK_MS,
    Limits,
    Matrix,
    PromqlError,
    PromqlParseError,
    Scalar,
    String,
    Value,
    Vector,
    evaluate_instant,
    evaluate_range,
    parse,
)  # fmt: skip
from opsctl.promql.syntax import Selector
from opsctl.rules.overlay import Overlay


@dataclass(frozen=True)
class Evaluator:
    """Two functions of the shapes of promql.evaluate_instant and promql.evaluate_range."""

    instant: Callable[..., Value] = evaluate_instant
    range: Callable[..., Matrix] = evaluate_range


class Pushed:
    """Evaluates on the engine. Raises PromqlError for what it refuses, Unreachable when it does not answer.

    Of a rule group, an expression that reads what an earlier rule wrote in the same evaluation is computed here, over
    raw samples of the engine: the fresh ones are still on their way.
    """

    def __init__(self, api: RemoteApi) -> None:
        self._api = api

    def instant(
        self, expr: str, querier: Querier, at_ms: int, lookback_ms: int = LOOKBACK_MS, *, default_step_ms: int = 60_000,
        limits: Limits | None = None,
    ) -> Value:  # fmt: skip
        if isinstance(querier, Overlay) and concerns(querier, expr):
            return evaluate_instant(expr, querier, at_ms, lookback_ms, default_step_ms=default_step_ms, limits=limits)
        return value_of(self._ask("query", expr, {"time": at_ms / 1000, **_lookback(lookback_ms)}), at_ms)

    def range(
        self, expr: str, querier: Querier, start_ms: int, end_ms: int, step_ms: int, lookback_ms: int = LOOKBACK_MS, *,
        default_step_ms: int = 60_000, limits: Limits | None = None,
    ) -> Matrix:  # fmt: skip
        (limits or Limits()).check((end_ms - start_ms) // step_ms + 1)
        span = {"start": start_ms / 1000, "end": end_ms / 1000, "step": step_ms / 1000}
        found = value_of(self._ask("query_range", expr, {**span, **_lookback(lookback_ms)}), end_ms)
        if not isinstance(found, Matrix):
            raise PromqlError("the engine's answer is not a matrix")
        return found

    def _ask(self, path: str, expr: str, form: dict[str, Any]) -> Any:
        try:
            return self._api.ask(path, {"query": expr, **form})
        except RemoteRefused as error:
            if error.kind == "bad_data":
                parse(expr)
                raise PromqlParseError(error.message, expr) from error
            raise PromqlError(error.message) from error


def concerns(overlay: Overlay, expr: str) -> bool:
    """Whether an expression selects a series that was written in this evaluation."""
    return overlay.fresh and any(overlay.touched_by(node.matchers) for node in selectors_in(parse(expr)))


def selectors_in(node: Any) -> Iterator[Selector]:
    """Every series selector of an expression."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Selector):
            yield here
        elif isinstance(here, tuple):
            waiting += here
        elif dataclasses.is_dataclass(here):
            waiting += [getattr(here, field.name) for field in dataclasses.fields(here)]


def value_of(answer: Any, at_ms: int) -> Value:
    """The value in an answer of query or query_range. Raises PromqlError when there is none."""
    notes = tuple(answer.get("warnings") or ()), tuple(answer.get("infos") or ())
    try:
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind == "scalar":
            return Scalar(at_ms, float(result[1]), *notes)
        if kind == "string":
            return String(at_ms, str(result[1]), *notes)
        if kind == "vector":
            values = np.array([float(row["value"][1]) for row in result], dtype=np.float64)
            return Vector(at_ms, tuple(Labels(row["metric"]) for row in result), values, *notes)
        ordered = sorted(map(series_of, result), key=lambda s: s.labels.pairs)
        return Matrix(tuple(ordered), *notes)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PromqlError(f"the engine's answer cannot be read: {error}") from error


def _lookback(lookback_ms: int) -> dict[str, Any]:
    return {} if lookback_ms == LOOKBACK_MS else {"lookback_delta": lookback_ms / 1000}
