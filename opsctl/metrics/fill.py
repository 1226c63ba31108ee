"""History: old samples straight into blocks, without the head and the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from opsctl.metrics.section import Section
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.labels import Labels
from opsctl.model.series import Series

_SOURCE = "history"
_SPAN_MS = 10 * 86_400_000


def fill(store: EmbeddedStore, series: Iterable[Series]) -> int:
    """Writes whole series of the past into the store, blocks of ten days; returns the samples written.

    Times of each series must rise strictly. Meant for a store that has no samples of these series at these times.
    """
    together: dict[bytes, list[Series]] = {}
    for one in series:
        if len(one.times):
            together.setdefault(one.times.tobytes(), []).append(one)
    groups = list(together.values())
    spans: dict[int, list[tuple[tuple[Labels, ...], Section]]] = {}
    for number, group in enumerate(groups):
        for span, section in _spans(f"{_SOURCE}:{number}", group):
            spans.setdefault(span, []).append((tuple(s.labels for s in group), section))
    for span in sorted(spans):
        store.fill(spans[span])
    return sum(len(g) * len(g[0].times) for g in groups)


def _spans(source: str, group: list[Series]) -> Iterator[tuple[int, Section]]:
    times = group[0].times
    matrix = np.stack([s.values for s in group])
    refs = np.arange(len(group), dtype=np.int64)
    numbers = times // _SPAN_MS
    for span in np.unique(numbers).tolist():
        first, last = np.searchsorted(numbers, span), np.searchsorted(numbers, span, side="right")
        yield span, Section(source, refs, times[first:last], matrix[:, first:last])
