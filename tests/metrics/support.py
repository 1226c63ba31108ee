"""Small stores for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from opsctl.metrics.store import EmbeddedStore
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher, Op

HOUR = 3_600_000
EVER = (0, 2**60)


def series(name: str, **labels: str) -> Labels:
    return Labels({"__name__": name, **labels})


def put(store: EmbeddedStore, at_ms: int, values: Mapping[Labels, float], source: str = "t") -> int:
    batch = Batch(source, at_ms, tuple(values), np.array(list(values.values()), dtype=np.float64))
    return store.append(batch).kept


def match(name: str, op: Op, value: str) -> Sequence[Matcher]:
    return (Matcher(name, op, value),)


def everything(store: EmbeddedStore, start: int = 0, end: int = 2**60) -> dict[str, list[tuple[int, float]]]:
    """All samples of all series."""
    found = store.select((), start, end)
    return {str(s.labels): list(zip(s.times.tolist(), s.values.tolist(), strict=True)) for s in found}
