"""The *_over_time family: one number for each window."""

from __future__ import annotations

import numpy as np

from opsctl.promql.exact import exact_sum, mean_of, needs_exact
from opsctl.promql.quantile import quantile_rows
from opsctl.promql.values import B, F, I
from opsctl.promql.window import Windows


def _held(windows: Windows, values: F) -> tuple[F, B]:
    return values, windows.held(1)


def sum_(windows: Windows) -> tuple[F, B]:
    total = windows.reduce(np.add)
    rows = _inexact(windows, total)
    if len(rows):
        total[rows] = _exact(windows.only(rows))
    return _held(windows, total)


def avg(windows: Windows) -> tuple[F, B]:
    total, present = sum_(windows)
    mean = total / windows.of_rows(windows.count)
    wrong = np.flatnonzero(~np.isfinite(np.where(present, total, 0)).all(axis=1))
    if len(wrong):
        part = np.zeros((len(wrong), len(windows.ends)))
        for chunk in windows.only(wrong).gathered():
            part[chunk.rows, chunk.steps] = mean_of(np.moveaxis(chunk.values, -1, 0), np.moveaxis(chunk.mask, -1, 0))
        mean[wrong] = part
    return mean, present


def _inexact(windows: Windows, total: F) -> I:
    """The rows (if any) whose plain sums lost too much."""
    values = windows.samples.values
    finite = bool(np.isfinite(values).all())
    if finite and (values.min(initial=0.0) >= 0 or values.max(initial=0.0) <= 0) and np.isfinite(total).all():
        return np.empty(0, dtype=np.int64)
    bad = needs_exact(total, windows.reduce(np.add, np.abs(values))) & windows.held(1)
    return np.flatnonzero(bad.any(axis=1))


def _exact(windows: Windows) -> F:
    total = np.zeros(windows.shape)
    for chunk in windows.gathered():
        held = np.where(chunk.mask, chunk.values, 0.0)
        total[chunk.rows, chunk.steps] = exact_sum(np.moveaxis(held, -1, 0))
    return total


def min_(windows: Windows) -> tuple[F, B]:
    return _held(windows, windows.reduce(np.fmin))


def max_(windows: Windows) -> tuple[F, B]:
    return _held(windows, windows.reduce(np.fmax))


def count(windows: Windows) -> tuple[F, B]:
    return _held(windows, windows.of_rows(windows.count.astype(np.float64)))


def present(windows: Windows) -> tuple[F, B]:
    return _held(windows, np.ones(windows.shape))


def first(windows: Windows) -> tuple[F, B]:
    return _held(windows, windows.at(windows.first))


def last(windows: Windows) -> tuple[F, B]:
    return _held(windows, windows.at(windows.last))


def stdvar(windows: Windows) -> tuple[F, B]:
    """Measured from each window's first sample, so that equal samples give exactly 0."""
    made = np.zeros(windows.shape)
    for chunk in windows.gathered():
        n = chunk.mask.sum(axis=-1)
        moved = np.where(chunk.mask, chunk.values - chunk.values[..., :1], 0.0)
        away = np.where(chunk.mask, moved - (moved.sum(axis=-1) / n)[..., None], 0.0)
        made[chunk.rows, chunk.steps] = (away * away).sum(axis=-1) / n
    return _held(windows, made)


def stddev(windows: Windows) -> tuple[F, B]:
    variance, held = stdvar(windows)
    return np.sqrt(variance), held


def quantile(windows: Windows, q: F) -> tuple[F, B]:
    """`q` per step."""
    made = np.zeros(windows.shape)
    for chunk in windows.gathered():
        made[chunk.rows, chunk.steps] = quantile_rows(q[chunk.steps], chunk.values, chunk.mask)
    return _held(windows, made)
