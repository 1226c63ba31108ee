"""job or URL → one scrape each → what would be stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp

from opsctl.core.document import nearest
from opsctl.core.errors import NotFound, OpsctlError, Unreachable, UsageError
from opsctl.core.http_client import HttpClient
from opsctl.model.labels import Labels
from opsctl.scrape.config import PrometheusConfig, ScrapeConfig, StaticConfig
from opsctl.scrape.fetch import ScrapeFailed, fetch
from opsctl.scrape.file_sd import TargetFiles
from opsctl.scrape.http_sd import ask
from opsctl.scrape.limits import LimitExceeded
from opsctl.scrape.parse import BadExposition, Exposition, parse
from opsctl.scrape.sampler import Sampler
from opsctl.scrape.target import Dropped, Target, expand

Found = Target | Dropped


@dataclass(frozen=True)
class Sample:
    """One sample that would be stored; `at_ms` 0 for the time of the scrape."""

    series: Labels
    value: float
    at_ms: int = 0


@dataclass(frozen=True)
class Checked:
    """How one target answered. `reports`: its own series (up, scrape_…) by name."""

    job: str
    url: str
    error: str
    samples: tuple[Sample, ...]
    reports: dict[str, float]


async def check_targets(config: PrometheusConfig | None, wanted: str) -> tuple[Checked, ...]:
    """Scrapes every target of a job, or the one at a URL: as its job would where it is a target, else plainly.

    Raises NotFound when there is no such job, UsageError when it has no targets, Unreachable when a list of targets
    does not answer.
    """
    client = HttpClient()
    try:
        targets = await _targets(client, config, wanted)
        return tuple(await asyncio.gather(*(_check(client, target) for target in targets)))
    finally:
        await client.close()


async def _targets(client: HttpClient, config: PrometheusConfig | None, wanted: str) -> Sequence[Target]:
    jobs = config.scrape_configs if config else ()
    root = config.root if config else ""
    if "://" in wanted:
        plain = _plain(wanted)
        found = [t for job in jobs for t in await _of_job(client, job, root, lists=False)]
        return [t for t in found if isinstance(t, Target) and t.url == plain.url] or [plain]
    job = next((job for job in jobs if job.job_name == wanted), None)
    if job is None:
        raise NotFound(f"no job {wanted!r} in the configuration", nearest(wanted, [job.job_name for job in jobs]))
    found = await _of_job(client, job, root)
    targets = [t for t in found if isinstance(t, Target)]
    if not targets:
        why = next((d.reason for d in found if isinstance(d, Dropped) and d.reason), "")
        raise UsageError(f"the job {wanted} has no targets ({len(found)} dropped)", why)
    return targets


def _plain(url: str) -> Target:
    """A target that no job has."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is not an http or https URL")
    job = ScrapeConfig(
        job_name="check",
        scheme="https" if parts.scheme == "https" else "http",
        metrics_path=parts.path or "/metrics",
        params={name: tuple(values) for name, values in parse_qs(parts.query).items()},
        scrape_interval=60.0,
        scrape_timeout=10.0,
    )
    (target,) = expand(job, (StaticConfig(targets=(parts.netloc,)),))
    assert isinstance(target, Target)
    return target


async def _of_job(client: HttpClient, job: ScrapeConfig, root: str, lists: bool = True) -> list[Found]:
    groups = [*job.static_configs, *TargetFiles(lambda: None).groups(job)]
    for one in job.http_sd_configs if lists else ():
        try:
            groups += await ask(client, one, root)
        except (aiohttp.ClientError, OpsctlError, OSError, ValueError) as error:
            raise Unreachable(f"{one.url}: {error or 'no answer'}") from error
    return list(expand(job, groups))


async def _check(client: HttpClient, target: Target) -> Checked:
    sampler, began, at_ms, error = Sampler(target), time.perf_counter(), 0, ""
    try:
        page = await fetch(client, target)
        took = time.perf_counter() - began
        at_ms = round(time.time() * 1000)
        read = parse(page.text, page.openmetrics) if page.text else Exposition()
        batches = sampler.page(read, at_ms, took, page.size)
    except (ScrapeFailed, BadExposition, LimitExceeded) as failure:
        error = str(failure)
        batches = sampler.failed(at_ms, time.perf_counter() - began, failure)
    most = len(sampler.report_names)
    own = len(batches[0].labels) - most
    samples = [
        Sample(labels, float(value), 0 if batch is batches[0] else batch.at_ms)
        for batch in batches
        for labels, value in zip(batch.labels, batch.values, strict=True)
    ]
    reports = {sample.series.name: sample.value for sample in samples[own : own + most]}
    return Checked(target.job.job_name, target.url, error, tuple(samples[:own] + samples[own + most :]), reports)
