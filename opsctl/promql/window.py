"""Samples under the steps of a query: the last one before each step, or all in the window that ends there.

Series that share their timestamps are one block (series × samples), so that the places of all windows are found
once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from opsctl.model.labels import Labels
from opsctl.model.series import Series, is_stale
from opsctl.promql.frame import Frame
from opsctl.promql.values import B, F, I

_CHUNK = 2_000_000  # elements gathered at once


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that share `times` (samples); the window of step t is the samples [lo[t], hi[t])."""

    rows: I
    times: I
    values: F
    lo: I
    hi: I

    @cached_property
    def count(self) -> I:
        return self.hi - self.lo

    @cached_property
    def first(self) -> I:
        """The place of each window's first sample (a valid place even for an empty window)."""
        return np.minimum(self.lo, len(self.times) - 1)

    @cached_property
    def last(self) -> I:
        return np.maximum(self.hi - 1, 0)

    def at(self, places: I) -> F:
        """The values at a place per step: (rows × steps)."""
        found: F = self.values[:, places]
        return found

    def reduce(self, ufunc: np.ufunc, values: F | None = None, shorter: int = 0) -> F:
        """`ufunc` over each window of `values` (default: the block's); anything where the window is empty.

        `shorter` drops so many samples at the window's begin: for differences that belong to the later sample.
        """
        source = self.values if values is None else values
        padded = np.concatenate([source, np.zeros((source.shape[0], 1), dtype=source.dtype)], axis=1)
        places = np.empty(2 * len(self.lo), dtype=np.int64)
        places[0::2] = np.minimum(self.lo + shorter, source.shape[1])
        places[1::2] = np.maximum(self.hi, places[0::2])
        made: F = ufunc.reduceat(padded, places, axis=1)[:, ::2]
        return made

    def gathered(self) -> Iterator[tuple[slice, F, B, I]]:
        """Chunks of steps: (steps, values rows × steps × window, mask steps × window, places steps × window)."""
        width = int(self.count.max(initial=0))
        size = max(1, _CHUNK // max(1, width * len(self.rows)))
        for start in range(0, len(self.lo), size):
            part = slice(start, start + size)
            places = self.lo[part, None] + np.arange(width)
            mask = places < self.hi[part, None]
            places = np.minimum(places, len(self.times) - 1)
            yield part, self.values[:, places], mask, places


@dataclass(frozen=True, eq=False)
class Windows:
    """A range vector at every step: windows (ends − range, ends]."""

    labels: Sequence[Labels]
    blocks: Sequence[Block]
    ends: I
    range_ms: int

    @property
    def starts(self) -> I:
        return self.ends - self.range_ms


def windows(series: Sequence[Series], ends: I, range_ms: int) -> Windows:
    """The samples of every series in (ends − range, ends], staleness markers left out."""
    blocks = []
    for rows, times, values in _grouped(series, drop_stale=True):
        lo = np.searchsorted(times, ends - range_ms, side="right")
        hi = np.searchsorted(times, ends, side="right")
        if len(times) and (hi > lo).any():
            blocks.append(Block(rows, times, values, lo, hi))
    return Windows([s.labels for s in series], blocks, ends, range_ms)


def latest(series: Sequence[Series], ends: I, lookback_ms: int) -> tuple[Frame, I]:
    """The last sample in (ends − lookback, ends] of every series, and its time."""
    shape = (len(series), len(ends))
    frame = Frame([s.labels for s in series], np.zeros(shape), np.zeros(shape, dtype=bool))
    at = np.zeros(shape, dtype=np.int64)
    for rows, times, values in _grouped(series, drop_stale=False):
        if not len(times):
            continue
        last = np.searchsorted(times, ends, side="right") - 1
        place = np.maximum(last, 0)
        fresh = (last >= 0) & (times[place] > ends - lookback_ms)
        found = values[:, place]
        frame.values[rows] = found
        frame.present[rows] = fresh & ~is_stale(found)
        at[rows] = times[place]
    return frame, at


def _grouped(series: Sequence[Series], drop_stale: bool) -> Iterator[tuple[I, I, F]]:
    """(rows, times, values) for each set of series with the same timestamps."""
    for rows in _same_times([s.times for s in series]):
        times = series[rows[0]].times
        values = np.array([series[i].values for i in rows], dtype=np.float64).reshape(len(rows), len(times))
        if drop_stale:
            yield from _without_stale(np.array(rows), times, values)
        else:
            yield np.array(rows), times, values


def _same_times(times: Sequence[I]) -> list[list[int]]:
    by_identity: dict[int, list[int]] = {}
    for index, each in enumerate(times):
        by_identity.setdefault(id(each), []).append(index)
    by_content: dict[bytes, list[int]] = {}
    for rows in by_identity.values():
        by_content.setdefault(times[rows[0]].tobytes(), []).extend(rows)
    return list(by_content.values())


def _without_stale(rows: I, times: I, values: F) -> Iterator[tuple[I, I, F]]:
    stale = is_stale(values) if np.isnan(values).any() else np.zeros(values.shape, dtype=bool)
    clean = ~stale.any(axis=1)
    if clean.any():
        yield rows[clean], times, values[clean]
    yield from split_by_mask(rows[~clean], times, values[~clean], ~stale[~clean])


def split_by_mask(rows: I, times: I, values: F, mask: B) -> Iterator[tuple[I, I, F]]:
    """Rows grouped by which of their samples are there."""
    groups: dict[bytes, list[int]] = {}
    for index in range(len(rows)):
        groups.setdefault(mask[index].tobytes(), []).append(index)
    for members in groups.values():
        keep = mask[members[0]]
        yield rows[members], times[keep], values[members][:, keep]


def framed(frame: Frame, times: I, ends: I, range_ms: int) -> Windows:
    """The windows over the result of a subquery: a frame whose steps are the samples."""
    blocks = []
    for rows, kept, values in split_by_mask(np.arange(len(frame.labels)), times, frame.values, frame.present):
        lo = np.searchsorted(kept, ends - range_ms, side="right")
        hi = np.searchsorted(kept, ends, side="right")
        if len(kept) and (hi > lo).any():
            blocks.append(Block(rows, kept, values, lo, hi))
    return Windows(frame.labels, blocks, ends, range_ms)
