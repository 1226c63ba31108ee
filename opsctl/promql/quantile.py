"""The φ-quantile of samples. Source: promql/quantile.go quantile()."""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F


def quantile_rows(q: F, values: F, present: B) -> F:
    """Of each row's present values (last axis); q broadcasts over the rows. NaN sorts first; no values: NaN."""
    count = present.sum(axis=-1)
    ordered = -np.sort(np.where(present, -values, np.inf), axis=-1)  # descending
    absent = values.shape[-1] - count
    nans = (np.isnan(values) & present).sum(axis=-1)
    with np.errstate(all="ignore"):
        rank = q * (count - 1)
        low = np.clip(np.nan_to_num(np.floor(rank)), 0, np.maximum(count - 1, 0)).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0)).astype(np.int64)
        weight = rank - np.floor(rank)
        made = _at(ordered, low, count, nans, absent) * (1 - weight) + _at(ordered, high, count, nans, absent) * weight
    made = np.where(np.isnan(q) | (count == 0), np.nan, made)
    made = np.where((q < 0) & (count > 0), -np.inf, made)
    return np.where((q > 1) & (count > 0), np.inf, made)


def _at(ordered: F, place: np.ndarray, count: np.ndarray, nans: np.ndarray, absent: np.ndarray) -> F:
    """The value at an ascending place among the present ones: `ordered` is descending numbers, absent, NaN."""
    column = np.clip(count - 1 - place, 0, ordered.shape[-1] - 1)
    found = np.take_along_axis(ordered, column[..., None], axis=-1)[..., 0]
    return np.where(place < nans, np.nan, found)
