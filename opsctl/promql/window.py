"""Samples under the steps of a query: the last one before each step, or all in the window that ends there.

Series that were scraped together share their times, so that the place of a window is found once for all of them;
everything else is one flat array over all series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from opsctl.model.labelrows import LabelRows
from opsctl.model.samples import Samples, edges_of, joined
from opsctl.model.series import is_stale
from opsctl.promql.frame import Frame
from opsctl.promql.values import B, F, I

_CHUNK = 128_000  # elements gathered at once: what is made of them stays in the processor's cache


def _never() -> None:
    """Nothing stops it."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """A part of the windows laid out: `values` and `mask` are (rows × steps × samples of a window)."""

    rows: slice
    steps: slice
    values: F
    mask: B
    stamps: Callable[[], I]

    @property
    def times(self) -> I:
        """When the samples were taken, in the same shape."""
        return self.stamps()


@dataclass(frozen=True, eq=False)
class Windows:
    """A range vector at every step: of row i at step t the samples [lo, hi) of its axis, in (ends − range, ends].

    `lo`, `hi`, `count`, `first` and `last` are per axis (axes × steps); what belongs to rows is (rows × steps).
    `look` is asked before each large part of the work, and raises when the query has to stop.
    """

    samples: Samples
    ends: I
    range_ms: int
    lo: I
    hi: I
    look: Callable[[], None] = _never

    @property
    def labels(self) -> LabelRows:
        return self.samples.labels

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.samples), len(self.ends)

    @cached_property
    def count(self) -> I:
        return self.hi - self.lo

    @cached_property
    def first(self) -> I:
        """The place of each window's first sample (a valid place even for an empty window)."""
        made: I = np.minimum(self.lo, np.maximum(np.diff(self.samples.edges)[:, None] - 1, 0))
        return made

    @cached_property
    def last(self) -> I:
        return np.maximum(self.hi - 1, 0)

    def held(self, least: int) -> B:
        """Which windows of which rows have at least so many samples."""
        made: B = self.of_rows(self.count >= least)
        return made

    def of_rows(self, per_axis: np.ndarray) -> np.ndarray:
        """(axes × steps) → (rows × steps)."""
        if len(per_axis) == 1:
            return np.broadcast_to(per_axis, self.shape)
        return per_axis[self.samples.axes]

    def times(self, places: I) -> I:
        """The times at a place per axis and step (axes × steps)."""
        made: I = self.samples.times[self.samples.edges[:-1, None] + places]
        return made

    def cells(self, places: I) -> I:
        """Where in the flat values each row's sample at a place per axis and step is (rows × steps)."""
        made: I = self.samples.starts[:, None] + self.of_rows(places)
        return made

    def at(self, places: I) -> F:
        """The values at a place per axis and step (rows × steps)."""
        return self.samples.values[self.cells(places)]

    def later(self, events: np.ndarray) -> np.ndarray:
        """Marks of the flat values that compare a sample with the one before it: those between two rows cleared."""
        events[self.samples.starts] = 0
        return events

    def reduce(self, ufunc: np.ufunc, values: F | None = None, shorter: int = 0) -> F:
        """`ufunc` over each window of flat `values` (default: the samples'); anything where the window is empty.

        `shorter` drops so many samples at the window's begin: for differences that belong to the later sample.
        """
        source = self.samples.values if values is None else values
        padded = np.concatenate([source, np.zeros(1, dtype=source.dtype)])
        begin, end = self.cells(np.minimum(self.lo + shorter, self.hi)), self.cells(self.hi)
        places = np.stack([begin, end], axis=-1).ravel()
        made: F = ufunc.reduceat(padded, places)[::2].reshape(self.shape) if len(places) else np.zeros(self.shape)
        return made

    def only(self, rows: I) -> Windows:
        """Some of the rows."""
        return Windows(self.samples.only(rows), self.ends, self.range_ms, self.lo, self.hi, self.look)

    def gathered(self) -> Iterator[Chunk]:
        """All windows laid out, a bounded part at a time; nothing when every window is empty."""
        width = int(self.count.max(initial=0))
        if not width:
            return
        rows, steps = self.shape
        wide = min(steps, max(1, _CHUNK // max(1, width)))
        high = max(1, _CHUNK // max(1, width * wide))
        for row in range(0, rows, high):
            for step in range(0, steps, wide):
                self.look()
                yield self._chunk(slice(row, row + high), slice(step, step + wide), width)

    def _chunk(self, rows: slice, steps: slice, width: int) -> Chunk:
        axes = self.samples.axes[rows]
        if self.solid:
            laid = self.samples.values.reshape(-1, 1, width)[rows]
            return Chunk(rows, steps, laid, np.broadcast_to(np.True_, laid.shape), lambda: self._stamps(axes, width))
        lo, hi = self.lo[axes, steps], self.hi[axes, steps]
        places = lo[..., None] + np.arange(width)
        mask = places < hi[..., None]
        places = np.minimum(places, np.maximum(hi[..., None] - 1, 0))
        values = self.samples.values[self.samples.starts[rows, None, None] + places]
        return Chunk(
            rows, steps, values, mask, lambda: self.samples.times[self.samples.edges[axes][:, None, None] + places]
        )

    def _stamps(self, axes: I, width: int) -> I:
        return self.samples.times.reshape(-1, 1, width)[axes]

    @cached_property
    def solid(self) -> bool:
        """Whether there is one step, and every window holds all samples of its series, as many as every other."""
        rows, steps = self.shape
        if steps != 1 or not rows:
            return False
        width, edges = int(self.hi[0, 0]), self.samples.edges
        even = len(self.samples.times) == width * (len(edges) - 1) and len(self.samples.values) == width * rows
        whole = even and bool((self.lo == 0).all()) and bool((self.hi == width).all())
        return whole and bool((self.samples.starts == np.arange(rows) * width).all())


def windows(samples: Samples, ends: I, range_ms: int, look: Callable[[], None] = _never) -> Windows:
    """The samples of every series in (ends − range, ends], staleness markers left out."""
    stale = is_stale(samples.values)
    held = samples.without(stale) if stale.any() else samples
    lo, hi = _places(held, ends - range_ms), _places(held, ends)
    return Windows(held, ends, range_ms, lo, hi, look)


def latest(samples: Samples, ends: I, lookback_ms: int) -> tuple[Frame, I]:
    """The last sample in (ends − lookback, ends] of every series, and its time."""
    shape = (len(samples), len(ends))
    if not len(samples):
        return Frame(samples.labels, np.zeros(shape), np.zeros(shape, dtype=bool)), np.zeros(shape, dtype=np.int64)
    last = _places(samples, ends) - 1
    place = np.maximum(last, 0)
    times = samples.times[np.minimum(samples.edges[:-1, None] + place, len(samples.times) - 1)]
    fresh = (last >= 0) & (times > ends - lookback_ms)
    axes = samples.axes
    found = samples.values[samples.starts[:, None] + place[axes]]
    return Frame(samples.labels, found, fresh[axes] & ~is_stale(found)), times[axes]


def _places(samples: Samples, moments: I) -> I:
    """For each axis and moment how many of its times are not later (axes × moments)."""
    times, edges = samples.times, samples.edges
    count = len(edges) - 1
    if count == 1:
        return np.searchsorted(times, moments, side="right")[None, :]
    if not len(times):
        return np.zeros((count, len(moments)), dtype=np.int64)
    first, last = int(times.min()), int(times.max())
    if moments.min() >= last:  # an instant query's end: all of them
        return np.broadcast_to(np.diff(edges)[:, None], (count, len(moments)))
    if moments.max() < first:  # and its begin: none
        return np.zeros((count, len(moments)), dtype=np.int64)
    span = last - first + 2
    shift = np.arange(count, dtype=np.int64) * span
    keys = times - first + np.repeat(shift, np.diff(edges))
    asked = np.clip(moments - first, -1, span - 1)[None, :] + shift[:, None]
    found: I = np.searchsorted(keys, asked.ravel(), side="right").reshape(asked.shape) - edges[:-1, None]
    return found


def framed(frame: Frame, times: I, ends: I, range_ms: int, look: Callable[[], None] = _never) -> Windows:
    """The windows over the result of a subquery: a frame whose steps are the samples."""
    rows = len(frame.labels)
    axes = [times] if rows else []
    samples = Samples(
        frame.rows_of_labels, np.arange(rows, dtype=np.int64) * len(times), np.zeros(rows, dtype=np.int64),
        joined(axes, np.int64), edges_of(axes), np.ascontiguousarray(frame.values).ravel(),
    )  # fmt: skip
    if not frame.present.all():
        samples = samples.without(~frame.present.ravel())
    return Windows(samples, ends, range_ms, _places(samples, ends - range_ms), _places(samples, ends), look)
