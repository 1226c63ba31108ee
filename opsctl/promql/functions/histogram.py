"""histogram_quantile and histogram_fraction on classic histograms (series with an `le` label).

Source: promql/quantile.go BucketQuantile, BucketFraction, ensureMonotonicAndIgnoreSmallDeltas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from opsctl.model.labels import Labels, quote
from opsctl.promql.frame import Frame, empty
from opsctl.promql.number import parse_float
from opsctl.promql.scope import Notes, Repair, Scope
from opsctl.promql.values import B, F, I

_SMALL = 1e-12
_LE = "le"
_REPAIRED = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)

Kernel = Callable[[F, F, slice | B, Sequence[str]], F]
"""(upper bounds (B,), counts (groups × B × steps), which steps, the groups' metric names) → (groups × steps)"""


def quantile(frame: Frame, q: F, scope: Scope, place: str) -> Frame:
    """`q` per step; `place`: where the argument stands, for notes."""
    moments, notes = scope.steps, scope.notes

    def kernel(bounds: F, counts: F, steps: slice | B, names: Sequence[str]) -> F:
        scope.limits.check_time()

        def note(repairs: F, bounds: F) -> None:
            _note(repairs, bounds, moments[steps], names, notes, place)

        return _quantile(bounds, counts, q[steps], note)

    return _by_histogram(frame, kernel, notes, place)


def _note(repairs: F, bounds: F, moments: I, names: Sequence[str], notes: Notes, place: str) -> None:
    """`repairs`: by how much each count (groups × bounds × steps) was raised."""
    touched = repairs > 0
    for name in sorted(set(names)):
        rows = [row for row, each in enumerate(names) if each == name and touched[row].any()]
        if not rows:
            continue
        which = np.flatnonzero(touched[rows].any(axis=(0, 2)))
        when = moments[touched[rows].any(axis=(0, 1))]
        count = int(touched[rows].any(axis=1).sum())
        repair = Repair(
            float(bounds[which[0]]), float(bounds[which[-1]]), float(repairs[rows].max()), count, int(when.min()),
            int(when.max()),
        )  # fmt: skip
        notes.repaired(f"{_REPAIRED} for metric name {quote(name)}" if name else _REPAIRED, repair, place)


def fraction(frame: Frame, lower: F, upper: F, scope: Scope, place: str) -> Frame:
    """The share of observations between `lower` and `upper` (per step)."""

    def kernel(bounds: F, counts: F, steps: slice | B, _: Sequence[str]) -> F:
        scope.limits.check_time()
        return _fraction(bounds, counts, lower[steps], upper[steps])

    return _by_histogram(frame, kernel, scope.notes, place)


def _by_histogram(frame: Frame, kernel: Kernel, notes: Notes, place: str) -> Frame:
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
        titles = [names[m].name for m in members]
        _fill(frame, np.array(bounds), members, rows, titles, kernel, values, present)
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
    frame: Frame, bounds: F, members: list[int], rows: np.ndarray, titles: list[str], kernel: Kernel, values: F,
    present: B,
) -> None:  # fmt: skip
    held = frame.present[rows]
    present[members] = held.any(axis=1)
    if held.all():
        values[members] = kernel(bounds, frame.values[rows], slice(None), titles)
        return
    for place, member in enumerate(members):
        for pattern in np.unique(held[place], axis=1).T:
            if pattern.any():
                steps = (held[place] == pattern[:, None]).all(axis=0)
                counts = frame.values[rows[place][pattern]][:, steps]
                values[member, steps] = kernel(bounds[pattern], counts[None], steps, titles[place : place + 1])[0]


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


def _quantile(bounds: F, counts: F, q: F, note: Callable[[F, F], None]) -> F:
    shape = (counts.shape[0], counts.shape[2])
    if not len(bounds) or bounds[-1] != np.inf:
        made = np.full(shape, np.nan)
    else:
        made = _interpolated(*_coalesced(bounds, counts), q, shape, note)
    made = np.where(np.isnan(q), np.nan, made)
    return np.where(q < 0, -np.inf, np.where(q > 1, np.inf, made))


def _interpolated(bounds: F, counts: F, q: F, shape: tuple[int, int], note: Callable[[F, F], None]) -> F:
    if len(bounds) < 2:
        return np.full(shape, np.nan)
    raw, counts = counts, _monotonic(counts)
    raised = (counts - raw) > _SMALL * (np.abs(counts) + np.abs(raw))
    if raised.any():
        note(np.where(raised & (q >= 0) & (q <= 1), counts - raw, 0.0), bounds)
    total = counts[:, -1]
    rank = q * total
    place = (~(counts[:, :-1] >= rank[:, None])).sum(axis=1)
    before = np.maximum(place - 1, 0)
    below = np.where(place > 0, np.take_along_axis(counts, before[:, None], axis=1)[:, 0], 0.0)
    inside = np.take_along_axis(counts, place[:, None], axis=1)[:, 0] - below
    begin = np.where(place > 0, bounds[before], 0.0)
    with np.errstate(all="ignore"):
        made = begin + (bounds[place] - begin) * ((rank - below) / inside)
    made = np.where((place == 0) & (bounds[0] <= 0), bounds[0], made)
    made = np.where(place == len(bounds) - 1, bounds[-2], made)
    return np.where(total == 0, np.nan, made)


def _fraction(bounds: F, counts: F, lower: F, upper: F) -> F:
    shape = (counts.shape[0], counts.shape[2])
    if not len(bounds) or bounds[-1] != np.inf:
        return np.full(shape, np.nan)
    bounds, counts = _coalesced(bounds, counts)
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
