"""Reading more than memory holds: the samples of some metrics, span by span, each as long as what was found allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsctl.metrics.storage import Matchers, Storage
from opsctl.model.labels import METRIC_NAME
from opsctl.model.series import Series

SAMPLES = 2_000_000
"""What a span should hold at most, where scrapes are no closer than `_SCRAPE_MS`."""
_SCRAPE_MS = 5_000
_FIRST_MS = 1_000
_HOUR_MS = 3_600_000


def spans(
    storage: Storage, sets: Sequence[Matchers], start_ms: int, end_ms: int, most: int = SAMPLES
) -> Iterator[tuple[int, list[Series]]]:  # fmt: skip
    """The series that meet one of the sets, over consecutive spans of [start_ms, end_ms], with each span's end.

    Series without samples in a span are not in it.
    """
    count = max(1, len(storage.series(sets, start_ms, end_ms)))
    closest, at = _FIRST_MS, start_ms
    while at <= end_ms:
        last = min(end_ms, at + max(1, most // count * closest) - 1)
        found = select_any(storage, sets, at, last)
        yield last, found
        dense = max(
            (int((s.times[-1] - s.times[0]) // (len(s.times) - 1)) for s in found if len(s.times) > 1), default=0
        )
        closest = max(1, min(dense, closest * 8, _SCRAPE_MS)) if dense else min(closest * 8, _SCRAPE_MS)
        at = last + 1


def select_any(storage: Storage, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Series]:
    """The series that meet one of the sets, each once, sorted."""
    found = {one.labels: one for matchers in sets for one in storage.select(matchers, start_ms, end_ms)}
    return [found[labels] for labels in sorted(found)]


def oldest_ms(storage: Storage, sets: Sequence[Matchers], end_ms: int) -> int:
    """A time at most an hour before the first sample of all, found by halving; `end_ms` where there is none."""
    low, high = 0, end_ms
    while high - low > _HOUR_MS:
        middle = (low + high) // 2
        if storage.label_values(METRIC_NAME, sets, 0, middle):
            high = middle
        else:
            low = middle
    return low if storage.label_values(METRIC_NAME, sets, low, high) else end_ms
