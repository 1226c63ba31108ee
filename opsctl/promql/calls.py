"""The table of functions: name → how its arguments are evaluated and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from opsctl.model.labels import METRIC_NAME, Labels, quote
from opsctl.promql.frame import Frame, empty, row
from opsctl.promql.functions import arithmetic, calendar, histogram, over_time, rates, regression, relabelling
from opsctl.promql.invariance import invariant
from opsctl.promql.number import go_float
from opsctl.promql.syntax import Call, Node, Range, Selector, inner
from opsctl.promql.values import B, F
from opsctl.promql.window import Windows

if TYPE_CHECKING:
    from opsctl.promql.evaluate import Evaluator

Function = Callable[["Evaluator", Call], Frame]
_COUNTER_ENDS = ("_total", "_sum", "_count", "_bucket")
OfWindows = Callable[[Windows], tuple[F, B]]


def _over(evaluator: Evaluator, windows: Windows, of_windows: OfWindows, keep_name: bool) -> Frame:
    if not len(windows.labels):
        return empty(len(windows.ends))
    evaluator.scope.limits.check_looks(int(windows.of_rows(windows.count).sum()))
    made = Frame(windows.labels, *of_windows(windows)).compact()
    return made.relabelled(made.labels, strict=True) if keep_name else made.without_name(strict=True)


def _windowed(of_windows: OfWindows, place: int = 0, keep_name: bool = False) -> Function:
    return lambda evaluator, call: _over(evaluator, evaluator.windows(call.args[place]), of_windows, keep_name)


def _quantile_over_time(evaluator: Evaluator, call: Call) -> Frame:
    q = evaluator.scalar(call.args[0])
    windows = evaluator.windows(call.args[1])
    warn_of_quantile(evaluator, call.args[0], q[np.logical_or.reduce(windows.count > 0, axis=0)])
    return _over(evaluator, windows, lambda w: over_time.quantile(w, q), False)


def warn_of_quantile(evaluator: Evaluator, parameter: Node, q: F) -> None:
    """Notes each quantile outside [0, 1]."""
    wrong = q[np.isnan(q) | (q < 0) | (q > 1)]
    for value in np.unique(wrong).tolist():
        place = evaluator.scope.place(parameter)
        evaluator.scope.notes.warn(f"quantile value should be between 0 and 1, got {go_float(value)}", place)


def _counter(of_windows: OfWindows) -> Function:
    """rate and increase, with Prometheus' note where the name does not look like a counter's."""

    def call_it(evaluator: Evaluator, call: Call) -> Frame:
        windows = evaluator.windows(call.args[0])
        for name in _unlike_counters(windows):
            evaluator.scope.notes.info(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " + quote(name),
                evaluator.scope.place(call.args[0]),
            )
        return _over(evaluator, windows, of_windows, False)

    return call_it


def _unlike_counters(windows: Windows) -> list[str]:
    """The names of the series that get a rate and are not named as counters are."""
    labels = windows.labels
    names = labels.memo("names", lambda: sorted({each.name for each in labels}))
    unlike = [name for name in names if name and not name.endswith(_COUNTER_ENDS)]
    if not unlike:
        return []
    given = np.logical_or.reduce(windows.count >= 2, axis=1)[windows.samples.axes]
    held = {labels[row].name for row in np.flatnonzero(given).tolist()}
    return [name for name in unlike if name in held]


def _predict_linear(evaluator: Evaluator, call: Call) -> Frame:
    seconds = evaluator.scalar(call.args[1])
    now = evaluator.steps
    return _over(
        evaluator, evaluator.windows(call.args[0]), lambda w: regression.predict_linear(w, now, seconds), False
    )


def _absent_over_time(evaluator: Evaluator, call: Call) -> Frame:
    windows = evaluator.windows(call.args[0])
    held: B = np.logical_or.reduce(windows.count > 0, axis=0)
    return row(_absent_labels(call.args[0]), np.ones(len(held)), ~held).compact()


def _absent(evaluator: Evaluator, call: Call) -> Frame:
    frame = evaluator.vector(call.args[0])
    held: B = np.logical_or.reduce(frame.present, axis=0)
    return row(_absent_labels(call.args[0]), np.ones(len(held)), ~held).compact()


def _absent_labels(node: Node) -> Labels:
    """The labels that the selector demands by equality, once each. Source: createLabelsForAbsentFunction."""
    node = inner(node)
    if isinstance(node, Range):
        node = node.selector
    if not isinstance(node, Selector):
        return Labels()
    found: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in node.matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.op == "=" and matcher.name not in seen:
            found[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            found.pop(matcher.name, None)
    return Labels(found)


def _value_by_value(function: Callable[[F], F]) -> Function:
    def call_it(evaluator: Evaluator, call: Call) -> Frame:
        frame = evaluator.vector(call.args[0])
        return frame.with_values(function(frame.values)).without_name()

    return call_it


def _of_time(function: Callable[[F], F]) -> Function:
    def call_it(evaluator: Evaluator, call: Call) -> Frame:
        if not call.args:
            return row(Labels(), function(evaluator.steps / 1000))
        frame = evaluator.vector(call.args[0])
        return frame.with_values(function(frame.values)).without_name()

    return call_it


def _clamp(evaluator: Evaluator, call: Call) -> Frame:
    low, high = evaluator.scalar(call.args[1]), evaluator.scalar(call.args[2])
    return arithmetic.clamp(evaluator.vector(call.args[0]), low, high)


def _clamp_min(evaluator: Evaluator, call: Call) -> Frame:
    bound = evaluator.scalar(call.args[1])
    return arithmetic.clamp(evaluator.vector(call.args[0]), bound, np.full(len(bound), np.inf))


def _clamp_max(evaluator: Evaluator, call: Call) -> Frame:
    bound = evaluator.scalar(call.args[1])
    return arithmetic.clamp(evaluator.vector(call.args[0]), np.full(len(bound), -np.inf), bound)


def _round(evaluator: Evaluator, call: Call) -> Frame:
    nearest = evaluator.scalar(call.args[1]) if len(call.args) > 1 else np.ones(1)
    return arithmetic.rounded(evaluator.vector(call.args[0]), nearest)


def _timestamp(evaluator: Evaluator, call: Call) -> Frame:
    """Of a selector: when its samples were taken; of anything else: the time of evaluation."""
    node = inner(call.args[0])
    if isinstance(node, Selector):
        frame, at = evaluator.selected(node)
        return frame.with_values(at / 1000).compact().without_name()
    frame = evaluator.vector(node)
    return frame.with_values(np.broadcast_to(evaluator.steps / 1000, frame.values.shape)).without_name()


def _vector(evaluator: Evaluator, call: Call) -> Frame:
    return row(Labels(), evaluator.scalar(call.args[0]))


def _sort(descending: bool) -> Function:
    def call_it(evaluator: Evaluator, call: Call) -> Frame:
        frame = evaluator.vector(call.args[0])
        if frame.steps > 1 and not invariant(call):
            evaluator.scope.notes.warn(
                "sort is ineffective for range queries since results are always ordered by labels",
                evaluator.scope.place(call),
            )
        if frame.steps != 1 or not len(frame.labels):
            return frame
        values = frame.values[:, 0]
        key = -values if descending else values
        return frame.rows(np.lexsort((key, np.isnan(values))).tolist())

    return call_it


def _label_replace(evaluator: Evaluator, call: Call) -> Frame:
    target, replacement, source, pattern = (evaluator.text(a) for a in call.args[1:5])
    return relabelling.label_replace(evaluator.vector(call.args[0]), target, replacement, source, pattern)


def _label_join(evaluator: Evaluator, call: Call) -> Frame:
    target, separator, *sources = (evaluator.text(a) for a in call.args[1:])
    return relabelling.label_join(evaluator.vector(call.args[0]), target, separator, sources)


def _histogram_quantile(evaluator: Evaluator, call: Call) -> Frame:
    q = evaluator.scalar(call.args[0])
    warn_of_quantile(evaluator, call.args[0], q)
    place = evaluator.scope.place(call.args[1])
    return histogram.quantile(evaluator.vector(call.args[1]), q, evaluator.scope, place)


def _histogram_fraction(evaluator: Evaluator, call: Call) -> Frame:
    lower, upper = evaluator.scalar(call.args[0]), evaluator.scalar(call.args[1])
    place = evaluator.scope.place(call.args[2])
    return histogram.fraction(evaluator.vector(call.args[2]), lower, upper, evaluator.scope, place)


def _of_native(evaluator: Evaluator, call: Call) -> Frame:
    """histogram_count, _sum …: floats are ignored, and there is nothing but floats."""
    evaluator.vector(call.args[-1])
    return empty(len(evaluator.steps))


OVER_WINDOWS: Mapping[str, Function] = {
    "rate": _counter(rates.rate),
    "increase": _counter(rates.increase),
    "delta": _windowed(rates.delta),
    "irate": _windowed(rates.irate),
    "idelta": _windowed(rates.idelta),
    "changes": _windowed(rates.changes),
    "resets": _windowed(rates.resets),
    "sum_over_time": _windowed(over_time.sum_),
    "avg_over_time": _windowed(over_time.avg),
    "min_over_time": _windowed(over_time.min_),
    "max_over_time": _windowed(over_time.max_),
    "count_over_time": _windowed(over_time.count),
    "present_over_time": _windowed(over_time.present),
    "first_over_time": _windowed(over_time.first, keep_name=True),
    "last_over_time": _windowed(over_time.last, keep_name=True),
    "stddev_over_time": _windowed(over_time.stddev),
    "stdvar_over_time": _windowed(over_time.stdvar),
    "quantile_over_time": _quantile_over_time,
    "deriv": _windowed(regression.deriv),
    "predict_linear": _predict_linear,
    "absent_over_time": _absent_over_time,
}
CALLS: Mapping[str, Function] = {
    **{name: _value_by_value(function) for name, function in arithmetic.VALUE_BY_VALUE.items()},
    **{name: _of_time(function) for name, function in calendar.PARTS.items()},
    "absent": _absent,
    "clamp": _clamp,
    "clamp_min": _clamp_min,
    "clamp_max": _clamp_max,
    "round": _round,
    "timestamp": _timestamp,
    "vector": _vector,
    "sort": _sort(descending=False),
    "sort_desc": _sort(descending=True),
    "label_replace": _label_replace,
    "label_join": _label_join,
    "histogram_quantile": _histogram_quantile,
    "histogram_fraction": _histogram_fraction,
    "histogram_count": _of_native,
    "histogram_sum": _of_native,
    "histogram_avg": _of_native,
    "histogram_stddev": _of_native,
    "histogram_stdvar": _of_native,
}
