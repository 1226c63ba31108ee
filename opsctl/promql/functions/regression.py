"""deriv and predict_linear: the least squares line through a window.

Source: promql/functions.go linearRegression.
"""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F, I
from opsctl.promql.window import Windows

_BLOCK = 128  # rows at once: what is made of them stays in the processor's cache


def deriv(windows: Windows) -> tuple[F, B]:
    """Slope per second; x is measured from the window's first sample."""
    slope, _ = _line(windows, None)
    return slope, windows.held(2)


def predict_linear(windows: Windows, now: I, seconds: F) -> tuple[F, B]:
    """Where the line is `seconds` (per step) after `now`, the time of evaluation."""
    slope, intercept = _line(windows, now)
    return slope * seconds + intercept, windows.held(2)


def _line(windows: Windows, origin: I | None) -> tuple[F, F]:
    """Slope and intercept at `origin` (ms per step; None: each window's first sample)."""
    if windows.solid and np.isfinite(windows.samples.values).all():
        slope, intercept = _solid(windows, origin)
        return slope[:, None], intercept[:, None]
    slope, intercept = np.zeros(windows.shape), np.zeros(windows.shape)
    for chunk in windows.gathered():
        here = chunk.rows, chunk.steps
        times = chunk.times
        begin = times[..., :1] if origin is None else origin[chunk.steps, None]
        x = np.where(chunk.mask, (times - begin) / 1000, 0.0)
        slope[here], intercept[here] = _fitted(x, chunk.values, chunk.mask)
    return slope, intercept


def _solid(windows: Windows, origin: I | None) -> tuple[F, F]:
    """One window a series, all alike in length: what depends on times alone is worked out once an axis."""
    axes, width = windows.samples.axes, int(windows.hi[0, 0])
    times = windows.samples.times.reshape(-1, width)
    begin = times[:, :1] if origin is None else origin[0]
    x = (times - begin) / 1000
    mean_x = x.mean(axis=-1)
    away = x - mean_x[:, None]
    values = windows.samples.values.reshape(-1, width)
    first = values[:, 0]
    covariance, mean_y = np.empty(len(values)), np.empty(len(values))
    for at in range(0, len(values), _BLOCK):
        here = slice(at, at + _BLOCK)
        y = values[here] - first[here, None]
        covariance[here], mean_y[here] = np.einsum("rw,rw->r", y, away[axes[here]]), y.mean(axis=-1)
    slope = covariance / np.einsum("aw,aw->a", away, away)[axes]
    return slope, mean_y - slope * mean_x[axes] + first


def _fitted(x: F, values: F, mask: B) -> tuple[F, F]:
    """Of each window (last axis) the slope and the value at x = 0."""
    n = mask.sum(axis=-1)
    first = values[..., :1]
    # moved to the first sample, fewer digits are lost; infinities stay where they are
    base = np.where(np.isfinite(np.where(mask, values, 0.0)).all(axis=-1, keepdims=True), first, 0.0)
    y = np.where(mask, values - base, 0.0)
    sum_x, sum_y = x.sum(axis=-1), y.sum(axis=-1)
    cov = np.einsum("stw,stw->st", y, x) - sum_x * sum_y / n
    var = np.einsum("stw,stw->st", x, x) - sum_x * sum_x / n
    constant = (np.where(mask, values, first) == first).all(axis=-1)
    part = np.where(constant, 0.0, cov / var)
    flat = np.where(np.isinf(first[..., 0]), np.nan, first[..., 0])
    slope = np.where(constant & np.isinf(first[..., 0]), np.nan, part)
    return slope, np.where(constant, flat, sum_y / n - part * sum_x / n + base[..., 0])
