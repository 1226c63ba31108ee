"""Samples of many series in flat arrays: what a store hands to PromQL without an object a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from opsctl.model.labelrows import LabelRows
from opsctl.model.series import Series

I = NDArray[np.int64]  # noqa: E741 - as promql.values has it
F = NDArray[np.float64]
B = NDArray[np.bool_]
N = TypeVar("N", bound=np.generic)


@dataclass(frozen=True, eq=False, slots=True)
class Samples(Sequence[Series]):
    """Row i is `labels[i]`; its samples are `values[starts[i]:]` at the times of axis `axes[i]`.

    Axis a is `times[edges[a]:edges[a + 1]]` (ms, rising): series scraped together share it. Every row has samples.
    """

    labels: LabelRows
    starts: I
    axes: I
    times: I
    edges: I
    values: F

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> Series: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Series]: ...

    def __getitem__(self, place: int | slice) -> Series | Sequence[Series]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        labels, axis, start = self.labels[place], int(self.axes[place]), int(self.starts[place])
        times = self.times[self.edges[axis] : self.edges[axis + 1]]
        return Series(labels, times, self.values[start : start + len(times)])

    @property
    def lengths(self) -> I:
        """How many samples each row has."""
        made: I = np.diff(self.edges)[self.axes]
        return made

    @staticmethod
    def of(series: Sequence[Series]) -> Samples:
        """The same series in flat arrays; those with equal times share an axis."""
        if isinstance(series, Samples):
            return series
        held = [each for each in series if len(each.times)]
        axes: list[I] = []
        places: dict[bytes, int] = {}
        known: dict[int, int] = {}
        index = np.zeros(len(held), dtype=np.int64)
        for row, each in enumerate(held):
            axis = known.get(id(each.times))
            if axis is None:
                axis = known[id(each.times)] = places.setdefault(each.times.tobytes(), len(places))
                if axis == len(axes):
                    axes.append(each.times)
            index[row] = axis
        sizes = np.array([len(each.times) for each in held], dtype=np.int64)
        return Samples(
            LabelRows(each.labels for each in held), np.cumsum(sizes) - sizes, index, joined(axes, np.int64),
            edges_of(axes), joined([each.values for each in held], np.float64),
        )  # fmt: skip

    def without(self, gone: B) -> Samples:
        """Without the cells of `values` that are `gone`; a row that loses some gets an axis of its own."""
        lengths = self.lengths
        cells = np.repeat(self.starts, lengths) + _counted(lengths)
        keep = ~gone[cells]
        kept = _sums(keep, lengths)
        whole, rows = kept == lengths, np.flatnonzero(kept > 0)
        stamps = np.repeat(self.edges[self.axes], lengths) + _counted(lengths)
        own = keep & np.repeat(~whole, lengths)
        broken = np.flatnonzero(~whole & (kept > 0))
        axes = self.axes.copy()
        axes[broken] = len(self.edges) - 1 + np.arange(len(broken))
        edges = np.concatenate([self.edges, self.edges[-1] + np.cumsum(kept[broken])])
        times = np.concatenate([self.times, self.times[stamps[own]]])
        labels = self.labels if len(rows) == len(self) else self.labels.take(rows)
        return Samples(labels, (np.cumsum(kept) - kept)[rows], axes[rows], times, edges, self.values[cells[keep]])

    def only(self, rows: I) -> Samples:
        """Some of the rows; the arrays are shared."""
        return Samples(self.labels.take(rows), self.starts[rows], self.axes[rows], self.times, self.edges, self.values)


def joined(parts: Sequence[NDArray[N]], kind: type[N]) -> NDArray[N]:
    """Arrays end to end, also when there are none."""
    return np.concatenate([part.ravel() for part in parts]) if parts else np.empty(0, dtype=kind)


def edges_of(axes: Sequence[I]) -> I:
    """Where each of these axes begins when they lie end to end, and where the last one ends."""
    made: I = np.concatenate([[0], np.cumsum([len(a) for a in axes], dtype=np.int64)]).astype(np.int64)
    return made


def _counted(lengths: I) -> I:
    """0 … n-1 for each length n, end to end."""
    ends = np.cumsum(lengths)
    made: I = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    return made


def _sums(cells: B, lengths: I) -> I:
    """How many of each row's cells are set."""
    running = np.concatenate([[0], np.cumsum(cells)])
    ends = np.cumsum(lengths)
    made: I = running[ends] - running[ends - lengths]
    return made
