"""status/tsdb: what the newest samples' series take, by metric, label and pair. Source: prometheus tsdb/index Stats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from opsctl.api.prometheus_json import top
from opsctl.metrics.storage import Storage, StoreStatus
from opsctl.model.labels import METRIC_NAME, Labels

_MOST_COUNTED = 500_000
_FAR_MS = 2**62


def tsdb_data(storage: Storage, by_metric: Mapping[str, int], limit: int) -> dict[str, Any]:
    """Blocks until every series was looked at; of more than half a million, pairs and bytes are not counted."""
    status = storage.status()
    counted = 0 < status.series <= _MOST_COUNTED and status.head_max_ms > 0
    pairs = _pairs(storage.series([], status.head_min_ms, _FAR_MS)) if counted else Counter[tuple[str, str]]()
    return {
        "headStats": _head(status),
        "seriesCountByMetricName": top(_metrics(pairs) if counted else by_metric, limit),
        "labelValueCountByLabelName": top(status.labels, limit),
        "memoryInBytesByLabelName": top(_bytes(pairs), limit),
        "seriesCountByLabelValuePair": top({f"{name}={value}": count for (name, value), count in pairs.items()}, limit),
    }


def _head(status: StoreStatus) -> dict[str, Any]:
    """Every series has one open chunk."""
    return {
        "numSeries": status.series, "numLabelPairs": sum(status.labels.values()), "chunkCount": status.series,
        "minTime": status.head_min_ms, "maxTime": status.head_max_ms,
    }  # fmt: skip


def _pairs(series: Iterable[Labels]) -> Counter[tuple[str, str]]:
    return Counter(pair for labels in series for pair in labels.pairs)


def _metrics(pairs: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {value: count for (name, value), count in pairs.items() if name == METRIC_NAME}


def _bytes(pairs: Iterable[tuple[str, str]]) -> Counter[str]:
    """The length of all values of each label."""
    sizes: Counter[str] = Counter()
    for name, value in pairs:
        sizes[name] += len(value.encode("utf-8", "replace"))
    return sizes
