"""Targets: what a job's configuration, after relabelling, says to scrape. Source: Prometheus 3, scrape PopulateLabels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlencode

from opsctl.model.duration import format_duration, parse_duration
from opsctl.model.labels import Labels
from opsctl.relabel import relabel
from opsctl.scrape.config import ScrapeConfig, StaticConfig


@dataclass(frozen=True)
class Target:
    """One endpoint of a job: where to fetch, how often and how long (seconds), and the labels that its series get."""

    job: ScrapeConfig
    url: str
    labels: Labels
    discovered: Labels
    interval: float
    timeout: float

    @cached_property
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
        **{name: value for name, value in own.items() if value}, "__address__": address,
        **{f"__param_{name}": values[0] for name, values in job.params.items() if values},
    }  # fmt: skip
    labels = relabel(discovered, job.relabel_configs)
    if labels is None:
        return Dropped(job, Labels(discovered))
    try:
        check_address(labels.get("__address__", ""))
        interval, timeout = _pace(labels)
    except ValueError as error:
        return Dropped(job, Labels(discovered), str(error))
    url = _url(job, labels)
    labels.setdefault("instance", labels["__address__"])
    final = Labels({k: v for k, v in labels.items() if not k.startswith("__")})
    return Target(job, url, final, Labels(discovered), interval, timeout)


def check_address(address: str) -> None:
    """Raises ValueError where an address, after relabelling, is none."""
    if not address:
        raise ValueError("no address")
    if "/" in address:
        raise ValueError(f'"{address}" is not a valid hostname')


def _pace(labels: Mapping[str, str]) -> tuple[float, float]:
    """Interval and timeout as relabelling left them, in seconds. Raises ValueError."""
    found = []
    for what in ("interval", "timeout"):
        try:
            found.append(parse_duration(labels.get(f"__scrape_{what}__", "")))
        except ValueError as error:
            raise ValueError(f"error parsing scrape {what}: {error}") from error
        if found[-1] <= 0:
            raise ValueError(f"scrape {what} cannot be 0")
    interval, timeout = found
    if timeout > interval:
        texts = labels["__scrape_timeout__"], labels["__scrape_interval__"]
        raise ValueError('scrape timeout cannot be greater than scrape interval ("{}" > "{}")'.format(*texts))
    return interval, timeout


def _url(job: ScrapeConfig, labels: Mapping[str, str]) -> str:
    params = {name: list(values) for name, values in job.params.items()}
    for label, value in labels.items():
        if label.startswith("__param_"):
            name = label.removeprefix("__param_")
            params[name] = [value, *params.get(name, [])[1:]]
    query = urlencode(sorted(params.items()), doseq=True)
    path = quote(labels.get("__metrics_path__", ""), safe="/:;@&=+$,-_.!~*'()")
    slash = "" if path.startswith("/") or not path else "/"
    scheme = labels.get("__scheme__", "http")
    return f"{scheme}://{labels['__address__']}{slash}{path}" + (f"?{query}" if query else "")
