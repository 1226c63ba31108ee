"""prometheus.yml as a document: what we have of it; what we lack is refused by name."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from opsctl.core.document import Duration, Source, convert, document, read
from opsctl.relabel import Rule

_LACKING: dict[str, tuple[str, ...]] = {
    "": ("remote_write", "remote_read", "storage", "tracing", "otlp", "runtime", "scrape_config_files"),
    "global": (
        "query_log_file", "scrape_failure_log_file", "body_size_limit", "sample_limit", "label_limit",
        "label_name_length_limit", "label_value_length_limit", "target_limit", "keep_dropped_targets",
        "metric_name_validation_scheme", "metric_name_escaping_scheme", "scrape_native_histograms",
        "always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb", "scrape_protocols",
        "rule_query_offset", "extra_scrape_metrics",
    ),
    "scrape": (
        "oauth2", "sigv4", "tls_config", "proxy_url", "proxy_from_environment", "proxy_connect_header", "no_proxy",
        "enable_http2", "http_headers", "scrape_classic_histograms", "always_scrape_classic_histograms",
        "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "track_timestamps_staleness",
        "body_size_limit", "label_limit", "label_name_length_limit", "label_value_length_limit", "target_limit",
        "keep_dropped_targets", "native_histogram_bucket_limit", "native_histogram_min_bucket_factor",
        "scrape_protocols", "fallback_scrape_protocol", "enable_compression", "scrape_failure_log_file",
        "metric_name_validation_scheme", "metric_name_escaping_scheme", "extra_scrape_metrics", "follow_redirects",
    ),
    "alertmanager": (
        "oauth2", "sigv4", "tls_config", "proxy_url", "proxy_from_environment", "proxy_connect_header", "no_proxy",
        "enable_http2", "http_headers", "relabel_configs", "alert_relabel_configs", "follow_redirects",
        "basic_auth", "authorization",
    ),
}  # fmt: skip
_DISCOVERIES = (
    "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner", "http",
    "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud",
    "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
)  # fmt: skip

Scheme = Literal["http", "https"]


@document
class Global:
    """Intervals in seconds, labels for the outside."""

    scrape_interval: Duration = 60.0
    scrape_timeout: Duration = 0.0
    evaluation_interval: Duration = 60.0
    external_labels: dict[str, str] = field(default_factory=dict)


@document
class StaticConfig:
    """Targets (HOST:PORT) and the labels that they share."""

    targets: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


@document
class FileSdConfig:
    """Files (globs) with target groups in JSON or YAML, read again every `refresh_interval`."""

    files: tuple[str, ...]
    refresh_interval: Duration = 300.0


@document
class BasicAuth:
    """A user name and a password, or the file that holds one."""

    username: str = ""
    username_file: str = ""
    password: str = ""
    password_file: str = ""


@document
class Authorization:
    """An Authorization header: `type credentials`."""

    type: str = "Bearer"
    credentials: str = ""
    credentials_file: str = ""


@document
class ScrapeConfig:
    """One job. Interval and timeout of 0: the global ones."""

    job_name: str
    scrape_interval: Duration = 0.0
    scrape_timeout: Duration = 0.0
    metrics_path: str = "/metrics"
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scheme: Scheme = "http"
    honor_labels: bool = False
    honor_timestamps: bool = True
    sample_limit: int = 0
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: str = ""
    bearer_token_file: str = ""
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    relabel_configs: tuple[Rule, ...] = ()
    metric_relabel_configs: tuple[Rule, ...] = ()


@document
class AlertmanagerConfig:
    """Alertmanagers that alerts are sent to."""

    scheme: Scheme = "http"
    path_prefix: str = "/"
    timeout: Duration = 10.0
    api_version: Literal["v2"] = "v2"
    static_configs: tuple[StaticConfig, ...] = ()

    def urls(self) -> tuple[str, ...]:
        prefix = f"/{self.path_prefix.strip('/')}".rstrip("/")
        return tuple(f"{self.scheme}://{t}{prefix}/api/v2/alerts" for s in self.static_configs for t in s.targets)


@document
class Alerting:
    """Where alerts go, and how their labels are rewritten on the way."""

    alert_relabel_configs: tuple[Rule, ...] = ()
    alertmanagers: tuple[AlertmanagerConfig, ...] = ()


@document
class PrometheusConfig:
    """All of prometheus.yml. `root` is its folder; `text` the file as it was read."""

    global_: Annotated[Global, Field(alias="global")] = field(default_factory=Global)
    rule_files: tuple[str, ...] = ()
    scrape_configs: tuple[ScrapeConfig, ...] = ()
    alerting: Alerting = field(default_factory=Alerting)
    root: str = ""
    text: str = ""

    def path(self, relative: str) -> Path:
        return Path(self.root) / relative

    def rule_paths(self) -> tuple[Path, ...]:
        """The rule files that exist now, in order."""
        patterns = [os.path.normpath(self.path(pattern)) for pattern in self.rule_files]
        found = [p for pattern in patterns for p in sorted(glob.glob(pattern))]
        return tuple(Path(p) for p in dict.fromkeys(found))


def load_config(path: Path) -> PrometheusConfig:
    """Reads prometheus.yml. Raises DocumentError with file, line, and the nearest right or the lacking name."""
    source = read(path)
    data = source.data if isinstance(source.data, dict) else {}
    _refuse_lacking(source, data)
    config = convert(source, PrometheusConfig)
    _check(source, config)
    jobs = tuple(_with_defaults(job, config.global_) for job in config.scrape_configs)
    text = path.read_text(encoding="utf-8")
    return replace(config, scrape_configs=jobs, root=str(path.resolve().parent), text=text)


def _refuse_lacking(source: Source, data: Mapping[str, Any]) -> None:
    for path, part, kind in _parts(data):
        lacking = {*_LACKING[kind], *(f"{name}_sd_configs" for name in _DISCOVERIES)}
        for key in part:
            if key in lacking:
                raise source.refuse((*path, key), "is a Prometheus setting that opsctl does not have")


def _parts(data: Mapping[str, Any]) -> Iterator[tuple[tuple[int | str, ...], Mapping[str, Any], str]]:
    """The mappings of a configuration with their places and kinds."""
    yield (), data, ""
    if isinstance(data.get("global"), dict):
        yield ("global",), data["global"], "global"
    alerting = data.get("alerting")
    managers = alerting.get("alertmanagers") if isinstance(alerting, dict) else None
    for number, manager in enumerate(managers if isinstance(managers, list) else ()):
        if isinstance(manager, dict):
            yield ("alerting", "alertmanagers", number), manager, "alertmanager"
    jobs = data.get("scrape_configs")
    for number, job in enumerate(jobs if isinstance(jobs, list) else ()):
        if isinstance(job, dict):
            yield ("scrape_configs", number), job, "scrape"


def _check(source: Source, config: PrometheusConfig) -> None:
    seen: set[str] = set()
    for number, job in enumerate(config.scrape_configs):
        if job.job_name in seen:
            raise source.refuse(("scrape_configs", number, "job_name"), f"the job {job.job_name!r} stands here twice")
        seen.add(job.job_name)
        _check_targets(source, number, job)
        interval = job.scrape_interval or config.global_.scrape_interval
        if job.scrape_timeout > interval:
            raise source.refuse(("scrape_configs", number, "scrape_timeout"), "is longer than the scrape interval")
        secrets = (job.basic_auth, job.authorization, job.bearer_token or None, job.bearer_token_file or None)
        if sum(s is not None for s in secrets) > 1:
            raise source.refuse(
                ("scrape_configs", number), "takes one of basic_auth, authorization, bearer_token, bearer_token_file"
            )
    if config.global_.scrape_timeout > config.global_.scrape_interval:
        raise source.refuse(("global", "scrape_timeout"), "is longer than the scrape interval")


def _check_targets(source: Source, index: int, job: ScrapeConfig) -> None:
    """A target with a path is a mistake, unless relabelling makes an address of it (as the probe's jobs do)."""
    for group, static in enumerate(job.static_configs if not job.relabel_configs else ()):
        for number, target in enumerate(static.targets):
            if "/" in target:
                path = ("scrape_configs", index, "static_configs", group, "targets", number)
                raise source.refuse(
                    path, f"{target!r} is not HOST:PORT", "scheme and metrics_path have keys of their own"
                )


def _with_defaults(job: ScrapeConfig, common: Global) -> ScrapeConfig:
    """A job with the global interval and timeout where it has none of its own."""
    interval = job.scrape_interval or common.scrape_interval
    timeout = job.scrape_timeout or min(common.scrape_timeout or 10.0, interval)
    return replace(job, scrape_interval=interval, scrape_timeout=timeout)
