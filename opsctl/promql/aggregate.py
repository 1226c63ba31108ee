"""Aggregations: sum, avg, min, max, count, group, stddev, stdvar, quantile, topk, bottomk, count_values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.promql.exact import exact_sum, mean_of, needs_exact
from opsctl.promql.frame import Frame, empty
from opsctl.promql.number import format_float
from opsctl.promql.quantile import quantile_rows
from opsctl.promql.values import B, F, I


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows ordered by group; group g is the rows [starts[g], starts[g+1]) of the ordered frame."""

    labels: Sequence[Labels]
    frame: Frame
    starts: I

    def members(self, group: int) -> slice:
        end = self.starts[group + 1] if group + 1 < len(self.starts) else len(self.frame.labels)
        return slice(int(self.starts[group]), int(end))

    def reduce(self, ufunc: np.ufunc, values: F) -> F:
        made: F = ufunc.reduceat(values, self.starts, axis=0)
        return made


def group(frame: Frame, names: Sequence[str], without: bool) -> Groups:
    """Sorts a frame's rows into groups by labels."""
    made = frame.rows_of_labels.grouped(names, without)
    return Groups(made.rows, frame.rows(made.order), made.starts)


def aggregate(op: str, frame: Frame, names: Sequence[str], without: bool) -> Frame:
    """An aggregation without a parameter."""
    if not len(frame.labels):
        return empty(frame.steps)
    groups = group(frame, names, without)
    count = groups.reduce(np.add, groups.frame.present.astype(np.float64))
    with np.errstate(all="ignore"):
        values = _PLAIN[op](groups, count)
    return Frame(groups.labels, values, count > 0)


def _filled(groups: Groups, absent: float) -> F:
    return np.where(groups.frame.present, groups.frame.values, absent)


def _sum(groups: Groups, count: F) -> F:
    values = _filled(groups, 0.0)
    total = groups.reduce(np.add, values)
    for g in _inexact(groups, values, total):
        total[g] = exact_sum(values[groups.members(g)])
    return total


def _avg(groups: Groups, count: F) -> F:
    total = _sum(groups, count)
    mean = total / count
    for g in np.flatnonzero(~np.isfinite(total).all(axis=1)).tolist():
        part = groups.members(g)
        mean[g] = mean_of(groups.frame.values[part], groups.frame.present[part])
    return mean


def _inexact(groups: Groups, values: F, total: F) -> list[int]:
    if values.size and values.min() >= 0 and np.isfinite(total).all():
        return []
    size = groups.reduce(np.add, np.abs(values))
    return np.flatnonzero(needs_exact(total, size).any(axis=1)).tolist()


def _min(groups: Groups, count: F) -> F:
    return groups.reduce(np.fmin, _filled(groups, np.nan))


def _max(groups: Groups, count: F) -> F:
    return groups.reduce(np.fmax, _filled(groups, np.nan))


def _count(groups: Groups, count: F) -> F:
    return count


def _group(groups: Groups, count: F) -> F:
    return np.ones_like(count)


def _stdvar(groups: Groups, count: F) -> F:
    """Measured from each group's least value, so that equal values give exactly 0."""
    sizes = np.diff(np.append(groups.starts, len(groups.frame.labels)))
    present = groups.frame.present
    moved = np.where(present, groups.frame.values - np.repeat(_min(groups, count), sizes, axis=0), 0.0)
    mean = groups.reduce(np.add, moved) / count
    away = np.where(present, moved - np.repeat(mean, sizes, axis=0), 0.0)
    return groups.reduce(np.add, away * away) / count


def _stddev(groups: Groups, count: F) -> F:
    made: F = np.sqrt(_stdvar(groups, count))
    return made


_PLAIN: dict[str, Callable[[Groups, F], F]] = {
    "sum": _sum,
    "avg": _avg,
    "min": _min,
    "max": _max,
    "count": _count,
    "group": _group,
    "stddev": _stddev,
    "stdvar": _stdvar,
}


def quantile(frame: Frame, param: F, names: Sequence[str], without: bool, look: Callable[[], None]) -> Frame:
    """`quantile(φ, …)`, φ per step. `look` is asked before each group, and raises when the query has to stop."""
    if not len(frame.labels):
        return empty(frame.steps)
    groups = group(frame, names, without)
    values = np.empty((len(groups.labels), frame.steps))
    for g in range(len(groups.labels)):
        look()
        part = groups.members(g)
        values[g] = quantile_rows(param, groups.frame.values[part].T, groups.frame.present[part].T)
    return Frame(groups.labels, values, groups.reduce(np.add, groups.frame.present.astype(np.int64)) > 0)


def choose(
    frame: Frame, param: F, names: Sequence[str], without: bool, highest: bool, look: Callable[[], None]
) -> Frame:
    """`topk` and `bottomk`: rows keep their labels; in an instant query they come in order of value, by group."""
    if not len(frame.labels):
        return empty(frame.steps)
    groups = group(frame, names, without)
    kept = np.zeros(frame.values.shape, dtype=bool)
    limit = np.maximum(np.nan_to_num(param, nan=0.0), 0.0)
    order = []
    for g in range(len(groups.labels)):
        look()
        part = groups.members(g)
        ranked = _ranked(groups.frame.values[part], groups.frame.present[part], highest)
        places = np.empty_like(ranked)
        np.put_along_axis(places, ranked, np.arange(ranked.shape[0])[:, None], axis=0)
        kept[part] = (places < np.floor(limit)) & groups.frame.present[part]
        order.append(ranked[:, 0] + part.start)
    made = groups.frame.with_values(groups.frame.values, kept)
    return made.rows(np.concatenate(order)).compact()


def _ranked(values: F, present: B, highest: bool) -> I:
    """For each step the rows in order; NaN after all numbers, absent rows last."""
    key = np.where(np.isnan(values), np.inf, -values if highest else values)
    tier = np.where(present, np.isnan(values).astype(np.int64), 2)
    made: I = np.lexsort((key, tier), axis=0)
    return made


def count_values(frame: Frame, label: str, names: Sequence[str], without: bool, check: Callable[[int], None]) -> Frame:
    """How many rows of each group have each value; the value is a label of every row before they are grouped.

    `check` refuses an array of too many values: where all differ, each makes a series.
    """
    if not len(frame.labels):
        return empty(frame.steps)
    # without the label itself, rows that differ in it alone are one group, since the value takes its place
    groups = group(frame, [*names, label] if without else [n for n in names if n != label], without)
    sizes = np.diff(np.append(groups.starts, len(frame.labels)))
    rows, steps = np.nonzero(groups.frame.present)
    distinct, codes = np.unique(groups.frame.values[rows, steps], return_inverse=True)
    keys = np.repeat(np.arange(len(groups.labels)), sizes)[rows] * len(distinct) + codes
    if without and (label in names or label == METRIC_NAME):
        return _counted(groups.labels, keys // len(distinct), steps, frame.steps)
    made, places = np.unique(keys, return_inverse=True)
    check(len(made) * frame.steps)
    texts = [format_float(value) for value in distinct.tolist()]
    labels = [groups.labels[key // len(distinct)].merged({label: texts[key % len(distinct)]}) for key in made.tolist()]
    return _counted(labels, places, steps, frame.steps)


def _counted(labels: Sequence[Labels], places: I, steps: I, width: int) -> Frame:
    counts = np.zeros((len(labels), width))
    np.add.at(counts, (places, steps), 1.0)
    return Frame(labels, counts, counts > 0)
