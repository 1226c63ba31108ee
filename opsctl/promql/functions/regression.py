"""deriv and predict_linear: the least squares line through a window.

Source: promql/functions.go linearRegression.
"""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F, I
from opsctl.promql.window import Block, Windows


def deriv(windows: Windows, block: Block) -> tuple[F, B]:
    """Slope per second; x is measured from the window's first sample."""
    slope, _ = _line(block, block.times[block.first])
    return slope, np.broadcast_to(block.count >= 2, slope.shape)


def predict_linear(windows: Windows, block: Block, now: I, seconds: F) -> tuple[F, B]:
    """Where the line is `seconds` (per step) after `now`, the time of evaluation."""
    slope, intercept = _line(block, now)
    return slope * seconds + intercept, np.broadcast_to(block.count >= 2, slope.shape)


def _line(block: Block, origin: I) -> tuple[F, F]:
    shape = (len(block.rows), len(block.lo))
    slope, intercept = np.zeros(shape), np.zeros(shape)
    for steps, values, mask, places in block.gathered():
        n = mask.sum(axis=-1)
        x = np.where(mask, (block.times[places] - origin[steps, None]) / 1000, 0.0)
        first = values[..., :1]
        y = np.where(mask, values - first, 0.0)  # moved to the first sample: fewer digits are lost
        sum_x, sum_y = x.sum(axis=-1), y.sum(axis=-1)
        cov = np.einsum("stw,tw->st", y, x) - sum_x * sum_y / n
        var = (x * x).sum(axis=-1) - sum_x * sum_x / n
        constant = (np.where(mask, values, first) == first).all(axis=-1)
        part = np.where(constant, 0.0, cov / var)
        flat = np.where(np.isinf(first[..., 0]), np.nan, first[..., 0])
        slope[:, steps] = np.where(constant & np.isinf(first[..., 0]), np.nan, part)
        intercept[:, steps] = np.where(constant, flat, sum_y / n - part * sum_x / n + first[..., 0])
    return slope, intercept
