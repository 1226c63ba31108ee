"""histogram_quantile and histogram_fraction on classic histograms (series with an `le` label).

Source: promql/quantile.go BucketQuantile, BucketFraction, ensureMonotonicAndIgnoreSmallDeltas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from opsctl.model.labels import Labels, quote
from opsctl.promql.frame import Frame, empty
from opsctl.promql.number import parse_float
from opsctl.promql.scope import Notes
from opsctl.promql.values import B, F

_SMALL = 1e-12
_LE = "le"
_REPAIRED = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)

Kernel = Callable[[F, F], F]
"""(upper bounds (B,), counts (groups × B × steps)) → (groups × steps)"""


def quantile(frame: Frame, q: F, notes: Notes, place: str) -> Frame:
    """`q` per step; `place`: where the argument stands, for notes."""
    repaired: list[int] = []

    def kernel(bounds: F, counts: F, steps: slice | B) -> F:
        return _quantile(bounds, counts, q[steps], repaired)

    made = _by_histogram(frame, kernel, notes, place)
    if repaired:
        notes.info(f"{_REPAIRED} for metric name {quote(frame.labels[0].name)}", place)
    return made


def fraction(frame: Frame, lower: F, upper: F, notes: Notes, place: str) -> Frame:
    """The share of observations between `lower` and `upper` (per step)."""
    return _by_histogram(
        frame, lambda bounds, counts, steps: _fraction(bounds, counts, lower[steps], upper[steps]), notes, place
    )


def _by_histogram(frame: Frame, kernel: Callable[[F, F, slice | B], F], notes: Notes, place: str) -> Frame:
    histograms: dict[Labels, list[tuple[float, int]]] = {}
    for index, labels in enumerate(frame.labels):
        bound = _bound(labels, notes, place)
        if bound is not None:
            histograms.setdefault(labels.without((_LE,)), []).append((bound, index))
    if not histograms:
        return empty(frame.steps)
    names = list(histograms)
    values = np.zeros((len(names), frame.steps))
    present = np.zeros((len(names), frame.steps), dtype=bool)
    for bounds, members in _layouts(histograms, names).items():
        rows = np.array([[row for _, row in sorted(histograms[names[m]])] for m in members])
        _fill(frame, np.array(bounds), members, rows, kernel, values, present)
    return Frame(names, values, present).compact().without_name()


def _bound(labels: Labels, notes: Notes, place: str) -> float | None:
    text = labels.get_or_empty(_LE)
    try:
        return parse_float(text)
    except ValueError:
        notes.warn(
            f'bucket label "{_LE}" is missing or has a malformed value of {quote(text)}'
            + (f" for metric name {quote(labels.name)}" if labels.name else ""),
            place,
        )
        return None


def _layouts(
    histograms: dict[Labels, list[tuple[float, int]]], names: Sequence[Labels]
) -> dict[tuple[float, ...], list[int]]:
    """Histograms with the same bounds are computed together."""
    found: dict[tuple[float, ...], list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(tuple(sorted(bound for bound, _ in histograms[name])), []).append(place)
    return found


def _fill(
    frame: Frame, bounds: F, members: list[int], rows: np.ndarray, kernel: Callable[[F, F, slice | B], F],
    values: F, present: B,
) -> None:  # fmt: skip
    held = frame.present[rows]
    present[members] = held.any(axis=1)
    if held.all():
        values[members] = kernel(bounds, frame.values[rows], slice(None))
        return
    for place, member in enumerate(members):
        for pattern in np.unique(held[place], axis=1).T:
            if pattern.any():
                steps = (held[place] == pattern[:, None]).all(axis=0)
                counts = frame.values[rows[place][pattern]][:, steps]
                values[member, steps] = kernel(bounds[pattern], counts[None], steps)[0]


def _coalesced(bounds: F, counts: F) -> tuple[F, F]:
    """Buckets with the same bound are added up."""
    unique, first = np.unique(bounds, return_index=True)
    return (bounds, counts) if len(unique) == len(bounds) else (unique, np.add.reduceat(counts, first, axis=1))


def _monotonic(counts: F) -> F:
    """Counts that never fall, small differences ignored."""
    made = counts.copy()
    before = made[:, 0]
    with np.errstate(all="ignore"):
        for place in range(1, made.shape[1]):
            here = made[:, place]
            near = np.abs(here - before) <= _SMALL * (np.abs(here) + np.abs(before))
            made[:, place] = np.where((here < before) | near, before, here)
            before = made[:, place]
    return made


def _quantile(bounds: F, counts: F, q: F, repaired: list[int]) -> F:
    shape = (counts.shape[0], counts.shape[2])
    if not len(bounds) or bounds[-1] != np.inf:
        made = np.full(shape, np.nan)
    else:
        made = _interpolated(*_coalesced(bounds, counts), q, shape, repaired)
    made = np.where(np.isnan(q), np.nan, made)
    return np.where(q < 0, -np.inf, np.where(q > 1, np.inf, made))


def _interpolated(bounds: F, counts: F, q: F, shape: tuple[int, int], repaired: list[int]) -> F:
    if len(bounds) < 2:
        return np.full(shape, np.nan)
    raw, counts = counts, _monotonic(counts)
    if ((counts - raw) > _SMALL * (np.abs(counts) + np.abs(raw))).any():
        repaired.append(1)
    total = counts[:, -1]
    rank = q * total
    place = np.minimum((counts[:, :-1] < rank[:, None]).sum(axis=1), len(bounds) - 1)
    before = np.maximum(place - 1, 0)
    below = np.where(place > 0, np.take_along_axis(counts, before[:, None], axis=1)[:, 0], 0.0)
    inside = np.take_along_axis(counts, place[:, None], axis=1)[:, 0] - below
    begin = np.where(place > 0, bounds[before], 0.0)
    with np.errstate(all="ignore"):
        made = begin + (bounds[place] - begin) * ((rank - below) / inside)
    made = np.where((place == 0) & (bounds[0] <= 0), bounds[0], made)
    made = np.where(place == len(bounds) - 1, bounds[-2], made)
    return np.where((total == 0) | np.isnan(total), np.nan, made)


def _fraction(bounds: F, counts: F, lower: F, upper: F) -> F:
    shape = (counts.shape[0], counts.shape[2])
    if not len(bounds) or bounds[-1] != np.inf:
        return np.full(shape, np.nan)
    bounds, counts = _coalesced(bounds, counts)
    counts = _monotonic(counts)
    total = counts[:, -1]
    with np.errstate(all="ignore"):
        share = (_rank(bounds, counts, upper) - _rank(bounds, counts, lower)) / total
    share = np.where(lower >= upper, 0.0, share)
    return np.where((total == 0) | np.isnan(lower) | np.isnan(upper), np.nan, share)


def _rank(bounds: F, counts: F, value: F) -> F:
    """How many observations lie below `value` (per step): linear within a bucket, none within an endless one."""
    place = np.searchsorted(bounds, value, side="left")
    place = np.minimum(place, len(bounds) - 1)
    before = np.maximum(place - 1, 0)
    rows = np.arange(counts.shape[2])
    below = np.where(place > 0, counts[:, before, rows], 0.0)
    here = counts[:, place, rows]
    start = np.where(place > 0, bounds[before], 0.0 if bounds[0] > 0 else -np.inf)
    with np.errstate(all="ignore"):
        part = below + (here - below) * (value - start) / (bounds[place] - start)
    part = np.where(np.isinf(start), here, part)
    part = np.where(value <= start, below, np.where(value >= bounds[place], here, part))
    made: F = np.minimum(part, counts[:, -1])
    return made
