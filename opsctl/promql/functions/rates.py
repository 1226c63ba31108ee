"""rate, increase, delta, irate, idelta, changes, resets: differences within a window.

Source: promql/functions.go extrapolatedRate, instantValue.
"""

from __future__ import annotations

import numpy as np

from opsctl.promql.values import B, F
from opsctl.promql.window import Block, Windows

_MARGIN = 1.1


def rate(windows: Windows, block: Block) -> tuple[F, B]:
    return _extrapolated(windows, block, counter=True, per_second=True)


def increase(windows: Windows, block: Block) -> tuple[F, B]:
    return _extrapolated(windows, block, counter=True, per_second=False)


def delta(windows: Windows, block: Block) -> tuple[F, B]:
    return _extrapolated(windows, block, counter=False, per_second=False)


def _extrapolated(windows: Windows, block: Block, counter: bool, per_second: bool) -> tuple[F, B]:
    first, last = block.first, block.last
    first_value = block.at(first)
    result = block.at(last) - first_value
    if counter:
        result = result + _lost_by_resets(block)
    sampled = (block.times[last] - block.times[first]) / 1000
    between = sampled / (block.count - 1)
    to_start = (block.times[first] - windows.starts) / 1000
    to_end = (windows.ends - block.times[last]) / 1000
    to_start = np.where(to_start >= between * _MARGIN, between / 2, to_start)
    to_end = np.where(to_end >= between * _MARGIN, between / 2, to_end)
    factor = sampled + to_end
    if counter:
        to_zero = np.where((result > 0) & (first_value >= 0), sampled * (first_value / result), np.inf)
        start: F = np.minimum(to_zero, to_start)
    else:
        start = np.broadcast_to(to_start, result.shape)
    scale = (factor + start) / sampled
    if per_second:
        scale = scale / (windows.range_ms / 1000)
    return result * scale, np.broadcast_to(block.count >= 2, result.shape)


def _lost_by_resets(block: Block) -> F | float:
    """What each window's counter had counted before it fell back to zero."""
    before = block.values[:, :-1]
    fell = block.values[:, 1:] < before
    if not fell.any():
        return 0.0
    lost = np.zeros_like(block.values)
    lost[:, 1:] = np.where(fell, before, 0.0)
    made = np.where(block.count > 1, block.reduce(np.add, lost, shorter=1), 0.0)
    return made


def irate(windows: Windows, block: Block) -> tuple[F, B]:
    return _of_last_two(block, counter=True)


def idelta(windows: Windows, block: Block) -> tuple[F, B]:
    return _of_last_two(block, counter=False)


def _of_last_two(block: Block, counter: bool) -> tuple[F, B]:
    last = block.last
    before = np.maximum(last - 1, 0)
    value, earlier = block.at(last), block.at(before)
    result = value - earlier
    if counter:
        seconds = (block.times[last] - block.times[before]) / 1000
        result = np.where(value < earlier, value, result) / seconds
    return result, np.broadcast_to(block.count >= 2, result.shape)


def changes(windows: Windows, block: Block) -> tuple[F, B]:
    later, before = block.values[:, 1:], block.values[:, :-1]
    return _counted(block, (later != before) & ~(np.isnan(later) & np.isnan(before)))


def resets(windows: Windows, block: Block) -> tuple[F, B]:
    return _counted(block, block.values[:, 1:] < block.values[:, :-1])


def _counted(block: Block, events: B) -> tuple[F, B]:
    """How many events each window holds; event i belongs to sample i + 1."""
    running = np.zeros(block.values.shape)
    np.cumsum(events, axis=1, out=running[:, 1:])
    result = running[:, block.last] - running[:, block.first]
    return result, np.broadcast_to(block.count >= 1, result.shape)
