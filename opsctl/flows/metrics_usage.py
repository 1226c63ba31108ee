"""Usage: each series with what it weighs, and what came in the last hour → rows by metric, label, job or target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opsctl.metrics.storage import Storage, StoreStatus
from opsctl.metrics.weights import Weighed
from opsctl.model.labels import METRIC_NAME, Labels

By = Literal["metric", "label", "job", "target"]
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Usage:
    """One row. `new` series came in the last hour and were not there in the hour before it; `gone` the other way.

    By label: `values` it has, and `most`, the metric on which it has most of them.
    """

    name: str
    series: int = 0
    samples: int = 0
    bytes: int = 0
    new: int = 0
    gone: int = 0
    values: int = 0
    most: str = ""


@dataclass(frozen=True)
class Report:
    """The largest rows first; `total` of all of them, also those that are not shown; bytes of log and blocks."""

    by: By
    rows: tuple[Usage, ...]
    total: Usage
    block_bytes: int
    wal_bytes: int


@dataclass(slots=True)
class _Sum:
    series: int = 0
    samples: int = 0
    bytes: float = 0.0
    new: int = 0
    gone: int = 0
    values: dict[str, set[str]] = field(default_factory=dict)


_KEYS: dict[str, Callable[[Labels], str]] = {
    "metric": lambda labels: labels.name,
    "job": lambda labels: labels.get("job", ""),
    "target": lambda labels: f"{labels.get('job', '')} {labels.get('instance', '')}".strip(),
}


def report(
    storage: Storage, weighed: Iterable[Weighed], status: StoreStatus, by: By, limit: int, now_ms: int
) -> Report:
    """What eats space. Rows go by bytes, then samples, then series; by label by the values that it has."""
    new, gone = _churn(storage, now_ms)
    sums: dict[str, _Sum] = {}
    total = _Sum()
    for one in weighed:
        change = (int(one.labels in new), int(one.labels in gone))
        _count(total, one, change)
        for name in _names(one.labels, by):
            row = sums.setdefault(name, _Sum())
            _count(row, one, change)
            if by == "label":
                row.values.setdefault(one.labels.name, set()).add(one.labels[name])
    rows = sorted((_usage(name, row) for name, row in sums.items()), key=_size)
    return Report(by, tuple(rows[:limit]), _usage("", total), status.block_bytes, status.wal_bytes)


def _churn(storage: Storage, now_ms: int) -> tuple[set[Labels], set[Labels]]:
    last = set(storage.series((), now_ms - _HOUR_MS + 1, now_ms))
    before = set(storage.series((), now_ms - 2 * _HOUR_MS + 1, now_ms - _HOUR_MS))
    return last - before, before - last


def _names(labels: Labels, by: By) -> Sequence[str]:
    return [name for name in labels if name != METRIC_NAME] if by == "label" else [_KEYS[by](labels)]


def _count(row: _Sum, one: Weighed, change: tuple[int, int]) -> None:
    row.series += 1
    row.samples += one.samples
    row.bytes += one.bytes
    row.new += change[0]
    row.gone += change[1]


def _usage(name: str, row: _Sum) -> Usage:
    distinct = set().union(*row.values.values()) if row.values else set()
    most = max(sorted(row.values), key=lambda metric: len(row.values[metric]), default="")
    return Usage(name, row.series, row.samples, round(row.bytes), row.new, row.gone, len(distinct), most)


def _size(row: Usage) -> tuple[int, int, int, int, str]:
    return -row.values, -row.bytes, -row.samples, -row.series, row.name
