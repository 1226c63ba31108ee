"""rate, increase, delta, irate, idelta, changes, resets: differences within a window.

Source: promql/functions.go extrapolatedRate, instantValue.
"""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F
from opsctl.promql.window import Windows

_MARGIN = 1.1


def rate(windows: Windows) -> tuple[F, B]:
    return _extrapolated(windows, counter=True, per_second=True)


def increase(windows: Windows) -> tuple[F, B]:
    return _extrapolated(windows, counter=True, per_second=False)


def delta(windows: Windows) -> tuple[F, B]:
    return _extrapolated(windows, counter=False, per_second=False)


def _extrapolated(w: Windows, counter: bool, per_second: bool) -> tuple[F, B]:
    """What depends on times alone is worked out once for all series that share them."""
    first_value = w.at(w.first)
    result = w.at(w.last) - first_value
    if counter:
        result += _lost_by_resets(w)
    first, last = w.times(w.first), w.times(w.last)
    sampled = (last - first) / 1000
    between = sampled / (w.count - 1)
    to_start = (first - (w.ends - w.range_ms)) / 1000
    to_end = (w.ends - last) / 1000
    to_start = np.where(to_start >= between * _MARGIN, between / 2, to_start)
    to_end = np.where(to_end >= between * _MARGIN, between / 2, to_end)
    if counter:
        to_zero = w.of_rows(sampled) * (first_value / result)
        np.copyto(to_zero, np.inf, where=~((result > 0) & (first_value >= 0)))
        start: F = np.minimum(to_zero, w.of_rows(to_start))
    else:
        start = w.of_rows(to_start)
    scale = (w.of_rows(sampled + to_end) + start) / w.of_rows(sampled)
    if per_second:
        scale /= w.range_ms / 1000
    return result * scale, w.held(2)


def _lost_by_resets(w: Windows) -> F | float:
    """What each window's counter had counted before it fell back to zero."""
    values = w.samples.values
    fell = np.zeros(values.shape, dtype=bool)
    np.less(values[1:], values[:-1], out=fell[1:])
    if not w.later(fell).any():
        return 0.0
    lost = np.zeros(values.shape)
    lost[1:] = np.where(fell[1:], values[:-1], 0.0)
    made = np.where(w.held(2), w.reduce(np.add, lost, shorter=1), 0.0)
    return made


def irate(windows: Windows) -> tuple[F, B]:
    return _of_last_two(windows, counter=True)


def idelta(windows: Windows) -> tuple[F, B]:
    return _of_last_two(windows, counter=False)


def _of_last_two(w: Windows, counter: bool) -> tuple[F, B]:
    before = np.maximum(w.last - 1, 0)
    value, earlier = w.at(w.last), w.at(before)
    result = value - earlier
    if counter:
        seconds = w.of_rows((w.times(w.last) - w.times(before)) / 1000)
        result = np.where(value < earlier, value, result) / seconds
    return result, w.held(2)


def changes(w: Windows) -> tuple[F, B]:
    later, before = w.samples.values[1:], w.samples.values[:-1]
    return _counted(w, (later != before) & ~(np.isnan(later) & np.isnan(before)))


def resets(w: Windows) -> tuple[F, B]:
    return _counted(w, w.samples.values[1:] < w.samples.values[:-1])


def _counted(w: Windows, events: B) -> tuple[F, B]:
    """How many events each window holds; event i belongs to sample i + 1."""
    marks = np.zeros(w.samples.values.shape, dtype=np.int64)
    marks[1:] = events
    running = np.cumsum(w.later(marks))
    result = running[w.cells(w.last)] - running[w.cells(w.first)]
    return result.astype(np.float64), w.held(1)
