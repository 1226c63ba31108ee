"""deriv and predict_linear: the least squares line through a window.

Source: promql/functions.go linearRegression.
"""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F, I
from opsctl.promql.window import Windows


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
    slope, intercept = np.zeros(windows.shape), np.zeros(windows.shape)
    for chunk in windows.gathered():
        here = chunk.rows, chunk.steps
        begin = chunk.times[..., :1] if origin is None else origin[chunk.steps, None]
        n = chunk.mask.sum(axis=-1)
        x = np.where(chunk.mask, (chunk.times - begin) / 1000, 0.0)
        first = chunk.values[..., :1]
        # moved to the first sample, fewer digits are lost; infinities stay where they are
        base = np.where(np.isfinite(np.where(chunk.mask, chunk.values, 0.0)).all(axis=-1, keepdims=True), first, 0.0)
        y = np.where(chunk.mask, chunk.values - base, 0.0)
        sum_x, sum_y = x.sum(axis=-1), y.sum(axis=-1)
        cov = np.einsum("stw,stw->st", y, x) - sum_x * sum_y / n
        var = np.einsum("stw,stw->st", x, x) - sum_x * sum_x / n
        constant = (np.where(chunk.mask, chunk.values, first) == first).all(axis=-1)
        part = np.where(constant, 0.0, cov / var)
        flat = np.where(np.isinf(first[..., 0]), np.nan, first[..., 0])
        slope[here] = np.where(constant & np.isinf(first[..., 0]), np.nan, part)
        intercept[here] = np.where(constant, flat, sum_y / n - part * sum_x / n + base[..., 0])
    return slope, intercept
