"""The *_over_time family: one number for each window."""

from __future__ import annotations

import numpy as np

from opsctl.promql.exact import exact_sum, mean_of, needs_exact
from opsctl.promql.quantile import quantile_rows
from opsctl.promql.values import B, F
from opsctl.promql.window import Block, Windows


def _held(block: Block, values: F) -> tuple[F, B]:
    return values, np.broadcast_to(block.count >= 1, values.shape)


def sum_(windows: Windows, block: Block) -> tuple[F, B]:
    total = block.reduce(np.add)
    for rows in _inexact(block, total):
        total[rows] = _exact(_only(block, rows))
    return _held(block, total)


def avg(windows: Windows, block: Block) -> tuple[F, B]:
    total, present = sum_(windows, block)
    mean = total / block.count
    wrong = np.flatnonzero(~np.isfinite(np.where(present, total, 0)).all(axis=1))
    if len(wrong):
        part = _only(block, wrong)
        for steps, values, mask, _ in part.gathered():
            held = np.broadcast_to(mask, values.shape)
            mean[wrong, steps] = mean_of(np.moveaxis(values, -1, 0), np.moveaxis(held, -1, 0))
    return mean, present


def _inexact(block: Block, total: F) -> list[np.ndarray]:
    """The rows (if any) whose plain sums lost too much."""
    values = block.values
    finite = bool(np.isfinite(values).all())
    if finite and (values.min(initial=0.0) >= 0 or values.max(initial=0.0) <= 0) and np.isfinite(total).all():
        return []
    bad = needs_exact(total, block.reduce(np.add, np.abs(values))) & (block.count > 0)
    rows = np.flatnonzero(bad.any(axis=1))
    return [rows] if len(rows) else []


def _only(block: Block, rows: np.ndarray) -> Block:
    return Block(block.rows[rows], block.times, block.values[rows], block.lo, block.hi)


def _exact(block: Block) -> F:
    total = np.zeros((len(block.rows), len(block.lo)))
    for steps, values, mask, _ in block.gathered():
        total[:, steps] = exact_sum(np.moveaxis(np.where(mask, values, 0.0), -1, 0))
    return total


def min_(windows: Windows, block: Block) -> tuple[F, B]:
    return _held(block, block.reduce(np.fmin))


def max_(windows: Windows, block: Block) -> tuple[F, B]:
    return _held(block, block.reduce(np.fmax))


def count(windows: Windows, block: Block) -> tuple[F, B]:
    shape = (len(block.rows), len(block.lo))
    return _held(block, np.broadcast_to(block.count.astype(np.float64), shape))


def present(windows: Windows, block: Block) -> tuple[F, B]:
    return _held(block, np.ones((len(block.rows), len(block.lo))))


def last(windows: Windows, block: Block) -> tuple[F, B]:
    return _held(block, block.at(block.last))


def stdvar(windows: Windows, block: Block) -> tuple[F, B]:
    """Measured from each window's first sample, so that equal samples give exactly 0."""
    made = np.zeros((len(block.rows), len(block.lo)))
    for steps, values, mask, _ in block.gathered():
        n = mask.sum(axis=-1)
        moved = np.where(mask, values - values[..., :1], 0.0)
        away = np.where(mask, moved - (moved.sum(axis=-1) / n)[..., None], 0.0)
        made[:, steps] = (away * away).sum(axis=-1) / n
    return _held(block, made)


def stddev(windows: Windows, block: Block) -> tuple[F, B]:
    variance, held = stdvar(windows, block)
    return np.sqrt(variance), held


def quantile(windows: Windows, block: Block, q: F) -> tuple[F, B]:
    """`q` per step."""
    made = np.zeros((len(block.rows), len(block.lo)))
    for steps, values, mask, _ in block.gathered():
        made[:, steps] = quantile_rows(q[steps], values, np.broadcast_to(mask, values.shape))
    return _held(block, made)
