"""PromQL's door: evaluate at one instant, or over a range."""

from __future__ import annotations

import numpy as np

from opsctl.model.series import Querier, Series
from opsctl.promql.checked import TYPE_NAMES
from opsctl.promql.errors import PromqlError, PromqlTypeError
from opsctl.promql.evaluate import Evaluator
from opsctl.promql.frame import SAME_LABELSET, Frame
from opsctl.promql.number import printable
from opsctl.promql.parse import parse
from opsctl.promql.scope import DEFAULT_STEP_MS, Limits, Notes, Scope
from opsctl.promql.syntax import Node, value_type
from opsctl.promql.values import I, Matrix, Scalar, String, Value, Vector
from opsctl.promql.window import Windows

LOOKBACK_MS = 300_000


def evaluate_instant(
    expr: str,
    querier: Querier,
    at_ms: int,
    lookback_ms: int = LOOKBACK_MS,
    *,
    default_step_ms: int = DEFAULT_STEP_MS,
    limits: Limits | None = None,
) -> Value:
    """The value of an expression at one instant (ms since the epoch), as Prometheus 3 gives it.

    `default_step_ms` is the step of subqueries that name none. Raises PromqlParseError, PromqlLimitError, PromqlError.
    """
    node = parse(expr)
    steps = np.array([at_ms], dtype=np.int64)
    scope = Scope(steps, at_ms, at_ms, lookback_ms, default_step_ms, limits or Limits(), Notes(), expr)
    with np.errstate(all="ignore"):
        return _instant(node, Evaluator(querier, scope), at_ms)


def _instant(node: Node, evaluator: Evaluator, at_ms: int) -> Value:
    kind = value_type(node)
    try:
        if kind == "string":
            return String(at_ms, printable(evaluator.text(node)))
        if kind == "scalar":
            return Scalar(at_ms, float(evaluator.scalar(node)[0]), *_notes(evaluator))
        if kind == "matrix":
            return Matrix(_of_windows(evaluator.windows(node)), *_notes(evaluator))
        frame = evaluator.vector(node).compact()
    except RecursionError:
        raise PromqlError("the expression is nested too deeply") from None
    _refuse_duplicates(frame)
    return Vector(at_ms, tuple(frame.labels), frame.values[:, 0], *_notes(evaluator))


def evaluate_range(
    expr: str,
    querier: Querier,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    lookback_ms: int = LOOKBACK_MS,
    *,
    default_step_ms: int = DEFAULT_STEP_MS,
    limits: Limits | None = None,
) -> Matrix:
    """The values of an expression at start, start + step … ≤ end (ms). Raises as evaluate_instant does."""
    node = parse(expr)
    if value_type(node) not in ("vector", "scalar"):
        kind = TYPE_NAMES[value_type(node)]
        raise PromqlTypeError(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
    if step_ms <= 0:
        raise PromqlError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if end_ms < start_ms:
        raise PromqlError("end timestamp must not be before start time")
    bounds = limits or Limits()
    bounds.check((end_ms - start_ms) // step_ms + 1)
    steps = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
    scope = Scope(steps, start_ms, end_ms, lookback_ms, default_step_ms, bounds, Notes(), expr)
    evaluator = Evaluator(querier, scope)
    try:
        with np.errstate(all="ignore"):
            frame = evaluator.any_vector(node)
    except RecursionError:
        raise PromqlError("the expression is nested too deeply") from None
    return Matrix(_of_frame(frame, steps), *_notes(evaluator))


def _notes(evaluator: Evaluator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return evaluator.scope.notes.warnings, evaluator.scope.notes.infos


def _refuse_duplicates(frame: Frame) -> None:
    if not frame.rows_of_labels.unique:
        raise PromqlError(SAME_LABELSET)


def _of_frame(frame: Frame, steps: I) -> tuple[Series, ...]:
    """Rows as series, sorted; a row without gaps shares the array of steps."""
    merged = frame.relabelled(frame.labels)
    whole = np.logical_and.reduce(merged.present, axis=1)
    found = []
    for index in sorted(range(len(merged.labels)), key=lambda i: merged.labels[i].pairs):
        labels, values, present = merged.labels[index], merged.values[index], merged.present[index]
        if whole[index]:
            found.append(Series(labels, steps, values))
        elif present.any():
            found.append(Series(labels, steps[present], values[present]))
    return tuple(found)


def _of_windows(windows: Windows) -> tuple[Series, ...]:
    bounds = [slice(int(lo), int(hi)) for lo, hi in zip(windows.lo[:, 0], windows.hi[:, 0], strict=True)]
    cuts = [(each, bounds[axis]) for each, axis in zip(windows.samples, windows.samples.axes.tolist(), strict=True)]
    found = [Series(each.labels, each.times[cut], each.values[cut]) for each, cut in cuts if cut.start < cut.stop]
    return tuple(sorted(found, key=lambda s: s.labels.pairs))
