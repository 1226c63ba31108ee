"""What a store says of itself, under Prometheus' names where Prometheus has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from opsctl.metrics.storage import StoreStatus

_GAUGES: tuple[tuple[str, str, Callable[[StoreStatus], float]], ...] = (
    ("prometheus_tsdb_head_series", "Series known.", lambda s: s.series),
    ("opsctl_tsdb_head_samples", "Cells in memory.", lambda s: s.head_samples),
    ("prometheus_tsdb_head_min_time_seconds", "Oldest sample in memory.", lambda s: s.head_min_ms / 1000),
    ("prometheus_tsdb_head_max_time_seconds", "Newest sample in memory.", lambda s: s.head_max_ms / 1000),
    ("prometheus_tsdb_blocks_loaded", "Blocks on disk.", lambda s: s.blocks),
    ("prometheus_tsdb_storage_blocks_bytes", "Bytes of all blocks.", lambda s: s.block_bytes),
    ("prometheus_tsdb_wal_storage_size_bytes", "Bytes of the write-ahead log.", lambda s: s.wal_bytes),
    ("prometheus_tsdb_lowest_timestamp_seconds", "Oldest sample kept.", lambda s: s.oldest_ms / 1000),
)
_COUNTERS: tuple[tuple[str, str, Callable[[StoreStatus], float]], ...] = (
    ("prometheus_tsdb_head_samples_appended", "Samples taken.", lambda s: s.appended),
    ("prometheus_tsdb_out_of_order_samples", "Samples refused as not newer.", lambda s: s.out_of_order),
    ("prometheus_tsdb_head_out_of_order_samples_appended", "Samples taken late.", lambda s: s.late_appended),
    ("opsctl_tsdb_over_limit_samples", "Samples refused: too many series.", lambda s: s.over_limit),
    ("prometheus_tsdb_wal_writes_failed", "Writes that the disk did not take.", lambda s: s.wal_failures),
    ("prometheus_tsdb_compactions", "Blocks cut from memory.", lambda s: s.cuts),
    ("prometheus_tsdb_compactions_failed", "Blocks that could not be written.", lambda s: s.cut_failures),
    ("opsctl_tsdb_files_set_aside", "Damaged files set aside.", lambda s: s.set_aside),
)


class StoreFigures(Collector):
    """A store's status as metric families."""

    def __init__(self, status: Callable[[], StoreStatus]) -> None:
        self._status = status

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        status = self._status()
        for name, text, read in _GAUGES:
            yield GaugeMetricFamily(name, text, value=read(status))
        refused = GaugeMetricFamily(
            "opsctl_tsdb_target_over_limit_samples", "Samples refused in the last minute logged.", labels=["target"]
        )
        for target, samples in status.over_limit_targets.items():
            refused.add_metric([target], samples)
        yield refused
        for name, text, read in _COUNTERS:
            yield CounterMetricFamily(name, text, value=read(status))
