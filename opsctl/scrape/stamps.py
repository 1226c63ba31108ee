"""Samples that bring a time of their own, as batches: those that share a time stay together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from opsctl.model.batch import Batch
from opsctl.model.labels import Labels


def stamped_batches(source: str, samples: Iterable[tuple[Labels, float, int]]) -> list[Batch]:
    """One batch per time (ms), the oldest first; of a series twice at one time, the first value."""
    by_time: dict[int, dict[Labels, float]] = {}
    for labels, value, at_ms in samples:
        by_time.setdefault(at_ms, {}).setdefault(labels, value)
    return [
        Batch(f"{source} stamped", at_ms, tuple(values), np.fromiter(values.values(), np.float64, len(values)))
        for at_ms, values in sorted(by_time.items(), key=lambda item: item[0])
    ]
