"""One entry of `scrape_configs`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from pathlib import Path

from opsctl.core.document import Source, document
from opsctl.core.http_settings import HttpSettings
from opsctl.relabel import Rule
from opsctl.scrape.config.common import Escaping, Global, Protocol, ScrapeManners, Validation, check_manners
from opsctl.scrape.config.discovery import Discovery, check_discovery
from opsctl.scrape.config.fields import Limit, Place, Span, check_http

PROTOCOLS: tuple[Protocol, ...] = (
    "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4",
)  # fmt: skip
_INHERITED = (
    "sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit", "target_limit",
    "body_size_limit", "keep_dropped_targets",
)  # fmt: skip


@document
class ScrapeConfig(HttpSettings, ScrapeManners, Discovery):
    """One job. Interval, timeout and limits of 0: the global ones. Files are relative to `root`."""

    job_name: str = ""
    scrape_interval: Span = 0.0
    scrape_timeout: Span = 0.0
    metrics_path: str = "/metrics"
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scheme: str = "http"
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    enable_compression: bool = True
    fallback_scrape_protocol: Protocol | None = None
    native_histogram_bucket_limit: Limit = 0
    native_histogram_min_bucket_factor: float = 0.0
    relabel_configs: tuple[Rule, ...] = ()
    metric_relabel_configs: tuple[Rule, ...] = ()
    root: str = ""


def check_jobs(source: Source, jobs: Iterable[ScrapeConfig], common: Global, seen: dict[str, str]) -> None:
    """Raises DocumentError. `seen`: job names before, with where they stand; these are added."""
    for number, job in enumerate(jobs):
        place = ("scrape_configs", number)
        if not job.job_name:
            raise source.refuse(place, "job_name is empty")
        if job.job_name in seen:
            said = f'found multiple scrape configs with job name "{job.job_name}"'
            raise source.refuse((*place, "job_name"), said, f"the first is in {seen[job.job_name]}")
        seen[job.job_name] = source.file
        _check(source, place, job, common)


def _check(source: Source, place: Place, job: ScrapeConfig, common: Global) -> None:
    whose = f' for scrape config with job name "{job.job_name}"'
    if job.root:
        raise source.refuse((*place, "root"), "unknown key")
    check_http(source, place, job)
    check_discovery(source, place, job, bool(job.relabel_configs))
    if job.scrape_timeout > (job.scrape_interval or common.scrape_interval):
        raise source.refuse((*place, "scrape_timeout"), f"scrape timeout greater than scrape interval{whose}")
    if job.fallback_scrape_protocol == "PrometheusProto":
        raise source.refuse((*place, "fallback_scrape_protocol"), "opsctl reads no protobuf", "use a text format")
    check_manners(source, place, job, whose)
    if _escaping(job, common) == "allow-utf-8" and _validation(job, common) == "legacy":
        said = "utf8 metric names requested but validation scheme is not set to UTF8"
        raise source.refuse((*place, "metric_name_escaping_scheme"), said)
    check_rules(source, (*place, "relabel_configs"), job.relabel_configs, _validation(job, common))
    check_rules(source, (*place, "metric_relabel_configs"), job.metric_relabel_configs, _validation(job, common))


def check_rules(source: Source, place: Place, rules: Iterable[Rule], validation: Validation) -> None:
    """Raises DocumentError at a step whose labels have names that are not taken."""
    for number, rule in enumerate(rules):
        wrong = rule.mistake(legacy=validation == "legacy")
        if wrong:
            raise source.refuse((*place, number), wrong)


def _validation(job: ScrapeConfig, common: Global) -> Validation:
    return job.metric_name_validation_scheme or common.metric_name_validation_scheme or "utf8"


def _escaping(job: ScrapeConfig, common: Global) -> Escaping:
    """A job with a validation of its own does not take the escaping of the global one."""
    if job.metric_name_escaping_scheme:
        return job.metric_name_escaping_scheme
    if not job.metric_name_validation_scheme and common.metric_name_escaping_scheme:
        return common.metric_name_escaping_scheme
    return "underscores" if _validation(job, common) == "legacy" else "allow-utf-8"


def with_job_defaults(job: ScrapeConfig, common: Global, root: Path) -> ScrapeConfig:
    """A job with the global interval, timeout, limits and manners where it has none of its own."""
    interval = job.scrape_interval or common.scrape_interval
    common_timeout = common.scrape_timeout or min(10.0, common.scrape_interval)
    log_file = job.scrape_failure_log_file or common.scrape_failure_log_file
    return replace(
        job,
        scrape_interval=interval,
        scrape_timeout=job.scrape_timeout or min(common_timeout, interval),
        scrape_protocols=job.scrape_protocols or common.scrape_protocols or PROTOCOLS,
        metric_name_validation_scheme=_validation(job, common),
        metric_name_escaping_scheme=_escaping(job, common),
        scrape_failure_log_file=str(root / log_file) if log_file else "",
        extra_scrape_metrics=bool(
            common.extra_scrape_metrics if job.extra_scrape_metrics is None else job.extra_scrape_metrics
        ),
        root=str(root),
        **{name: getattr(job, name) or getattr(common, name) for name in _INHERITED},
    )
