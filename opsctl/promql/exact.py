"""Sums as Prometheus makes them: compensated, and means that do not overflow.

Source: promql/functions.go kahanSumInc (Neumaier's variant).
"""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F

_CANCELLED = 1e-4


def needs_exact(total: F, size: F) -> B:
    """Where a plain sum is not good enough: most of it cancelled, or it is not finite."""
    made: B = ~(np.abs(total) >= size * _CANCELLED) & (size > 0) | ~np.isfinite(total) | ~np.isfinite(size)
    return made


def exact_sum(values: F) -> F:
    """The compensated sum over the first axis."""
    with np.errstate(all="ignore"):
        total = _halved(values)
        endless = ~np.isfinite(np.abs(values).sum(axis=0))
        if endless.any():
            finite = np.isfinite(values).all(axis=0)
            total = np.where(finite, total, values.sum(axis=0))
            total[endless & finite] = _in_order(values[:, endless & finite])  # it may overflow on the way
        return total


def _halved(values: F) -> F:
    """One half is added to the other until one row is left; what each addition lost is added at the end."""
    rows, lost = values, np.zeros(values.shape[1:])
    while len(rows) > 1:
        half = len(rows) // 2
        left, right = rows[:half], rows[half : 2 * half]
        total = left + right
        virtual = total - left
        lost = lost + ((left - (total - virtual)) + (right - virtual)).sum(axis=0)
        rows = np.concatenate([total, rows[2 * half :]])
    made: F = rows[0] + lost if len(rows) else lost
    return made


def _in_order(values: F) -> F:
    """One after the other, as Prometheus adds."""
    total, lost = np.zeros(values.shape[1:]), np.zeros(values.shape[1:])
    for each in values:
        new = total + each
        larger = np.abs(total) >= np.abs(each)
        step = np.where(larger, (total - new) + each, (each - new) + total)
        lost = np.where(np.isinf(new), 0.0, lost + step)
        total = new
    return np.where(np.isinf(total), total, total + lost)


def mean_of(values: F, present: B) -> F:
    """The mean over the first axis; falls back to the mean of parts where the sum overflows."""
    held = np.where(present, values, 0.0)
    count = present.sum(axis=0)
    with np.errstate(all="ignore"):
        plain = exact_sum(held) / count
        parts = exact_sum(held / np.maximum(count, 1))
        finite = np.isfinite(held).all(axis=0)
        return np.where(np.isfinite(plain) | ~finite, plain, parts)
