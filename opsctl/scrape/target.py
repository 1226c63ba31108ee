"""Targets: what a job's configuration, after relabelling, says to scrape."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from opsctl.model.duration import format_duration, parse_duration
from opsctl.model.labels import Labels
from opsctl.relabel import relabel
from opsctl.scrape.config import ScrapeConfig, StaticConfig

_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class Target:
    """One endpoint of a job: where to fetch, how often and how long (seconds), and the labels that its series get."""

    job: ScrapeConfig
    url: str
    labels: Labels
    discovered: Labels
    interval: float
    timeout: float

    @property
    def source(self) -> str:
        """Names this target among all, the same after a restart."""
        return f"{self.job.job_name} {self.url} {self.labels}"

    def offset(self) -> float:
        """When in each interval it is scraped: spread over all targets, the same after a restart."""
        digest = hashlib.md5(self.source.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 * self.interval


@dataclass(frozen=True)
class Dropped:
    """A discovered endpoint that is not scraped: relabelling dropped it, or `reason` says what is wrong with it."""

    job: ScrapeConfig
    discovered: Labels
    reason: str = ""


def expand(job: ScrapeConfig, groups: Iterable[StaticConfig]) -> Iterator[Target | Dropped]:
    """The targets of target groups, as Prometheus makes them: default labels, relabelling, instance."""
    for group in groups:
        for address in group.targets:
            yield _target(job, address, group.labels)


def _target(job: ScrapeConfig, address: str, own: Mapping[str, str]) -> Target | Dropped:
    discovered = {
        "job": job.job_name, "__metrics_path__": job.metrics_path, "__scheme__": job.scheme,
        "__scrape_interval__": format_duration(job.scrape_interval),
        "__scrape_timeout__": format_duration(job.scrape_timeout),
        **{f"__param_{name}": values[0] for name, values in job.params.items() if values},
        **own, "__address__": address,
    }  # fmt: skip
    labels = relabel(discovered, job.relabel_configs)
    if labels is None or not labels.get("__address__") or "/" in labels["__address__"]:
        return Dropped(job, Labels(discovered))
    try:
        interval, timeout = _pace(labels)
    except ValueError as error:
        return Dropped(job, Labels(discovered), str(error))
    url = _url(job, labels)
    labels.setdefault("instance", labels["__address__"])
    final = Labels({k: v for k, v in labels.items() if not k.startswith("__")})
    return Target(job, url, final, Labels(discovered), interval, timeout)


def _pace(labels: Mapping[str, str]) -> tuple[float, float]:
    """Interval and timeout as relabelling left them, in seconds. Raises ValueError."""
    interval = parse_duration(labels.get("__scrape_interval__", ""))
    timeout = parse_duration(labels.get("__scrape_timeout__", ""))
    if interval <= 0 or timeout <= 0:
        raise ValueError("scrape interval and timeout cannot be 0")
    if timeout > interval:
        raise ValueError(f"scrape timeout {timeout:g}s is longer than the scrape interval {interval:g}s")
    return interval, timeout


def _url(job: ScrapeConfig, labels: Mapping[str, str]) -> str:
    address, scheme = labels["__address__"], labels.get("__scheme__", "http")
    if ":" not in address.rpartition("]")[2]:
        address = f"{address}:{_PORTS.get(scheme, '80')}"
    params = {name: list(values) for name, values in job.params.items()}
    for label, value in labels.items():
        if label.startswith("__param_"):
            name = label.removeprefix("__param_")
            params[name] = [value, *params.get(name, [])[1:]]
    query = urlencode(sorted(params.items()), doseq=True)
    return f"{scheme}://{address}{labels.get('__metrics_path__', '/metrics')}" + (f"?{query}" if query else "")
