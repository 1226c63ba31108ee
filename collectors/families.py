"""Short ways to make metric families, and to print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, UntypedMetricFamily
from prometheus_client.metrics_core import Metric

Rows = Iterable[tuple[Sequence[str], float]]
"""Label values in the order of the label names, and the value."""


@runtime_checkable
class Collector(Protocol):
    """prometheus_client's custom collector."""

    def collect(self) -> Iterable[Metric]:
        """The families as they are now."""
        ...


def gauge(name: str, text: str, value: float) -> Metric:
    """One gauge without labels."""
    return GaugeMetricFamily(name, text, value=value)


def counter(name: str, text: str, value: float) -> Metric:
    """One counter without labels; `name` ends in _total."""
    return CounterMetricFamily(name, text, value=value)


def untyped(name: str, text: str, value: float) -> Metric:
    """One value of which the source does not say whether it only rises."""
    return UntypedMetricFamily(name, text, value=value)


def gauges(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    """A gauge with labels."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def counters(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    """A counter with labels; `name` ends in _total."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def info(name: str, text: str, labels: Mapping[str, str]) -> Metric:
    """A gauge that is always 1 and says what it has to say in its labels."""
    family = GaugeMetricFamily(name, text, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family


def exposition(source: Collector | Iterable[Metric]) -> bytes:
    """A collector's families, or families already collected, as Prometheus' text format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Undescribed(source.collect() if isinstance(source, Collector) else source))
    return generate_latest(registry)


class _Undescribed:
    """Keeps a registry from collecting once at registration, only to learn the names."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._families
