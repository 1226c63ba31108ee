"""prometheus.yml as a document: what we have of it; what we lack is refused by name."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, NonNegativeInt

from opsctl.core.document import Duration, Size, Source, convert, document, read
from opsctl.core.http_settings import HttpSettings
from opsctl.relabel import Rule

T = TypeVar("T")

_HTTP = ("oauth2", "sigv4", "proxy_url", "proxy_from_environment", "proxy_connect_header", "no_proxy")
_LACKING: dict[str, tuple[str, ...]] = {
    "": ("remote_read", "tracing", "otlp", "runtime"),
    "storage": ("exemplars",),
    "tsdb": ("retention", "stale_series_compaction_threshold"),
    "global": (
        "query_log_file", "scrape_failure_log_file", "keep_dropped_targets", "metric_name_validation_scheme",
        "metric_name_escaping_scheme", "scrape_native_histograms", "always_scrape_classic_histograms",
        "convert_classic_histograms_to_nhcb", "scrape_protocols", "extra_scrape_metrics",
    ),
    "scrape": (
        *_HTTP, "scrape_classic_histograms", "always_scrape_classic_histograms", "scrape_native_histograms",
        "convert_classic_histograms_to_nhcb", "track_timestamps_staleness", "keep_dropped_targets",
        "native_histogram_bucket_limit", "native_histogram_min_bucket_factor", "scrape_protocols",
        "scrape_failure_log_file", "metric_name_validation_scheme", "metric_name_escaping_scheme",
        "extra_scrape_metrics",
    ),
    "alertmanager": (*_HTTP, "relabel_configs", "alert_relabel_configs"),
    "http_sd": _HTTP,
    "remote": (*_HTTP, "azuread", "google_iam", "round_robin_dns"),
}  # fmt: skip
_DISCOVERIES = (
    "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner", "ionos",
    "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud",
    "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
)  # fmt: skip

Scheme = Literal["http", "https"]
Protocol = Literal[
    "PrometheusText0.0.4", "PrometheusText1.0.0", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusProto"
]
_VARIABLE = re.compile(r"\$(\$|\{(\w+)\}|(\w+))", re.ASCII)
_LIMITS = (
    "sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit", "target_limit",
    "body_size_limit",
)  # fmt: skip


@document
class ScrapeLimits:
    """What a job may have at most, 0 for no limit; of `body_size_limit` (bytes): our own."""

    sample_limit: NonNegativeInt = 0
    label_limit: NonNegativeInt = 0
    label_name_length_limit: NonNegativeInt = 0
    label_value_length_limit: NonNegativeInt = 0
    target_limit: NonNegativeInt = 0
    body_size_limit: Size = 0


@document
class Global(ScrapeLimits):
    """Intervals in seconds, labels for the outside, limits of jobs that have none of their own."""

    scrape_interval: Duration = 60.0
    scrape_timeout: Duration = 0.0
    evaluation_interval: Duration = 60.0
    rule_query_offset: Duration = 0.0
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
class HttpSdConfig(HttpSettings):
    """A URL that answers with target groups in JSON, asked every `refresh_interval`."""

    url: str
    refresh_interval: Duration = 60.0


@document
class ScrapeConfig(HttpSettings, ScrapeLimits):
    """One job. Interval, timeout and limits of 0: the global ones."""

    job_name: str
    scrape_interval: Duration = 0.0
    scrape_timeout: Duration = 0.0
    metrics_path: str = "/metrics"
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scheme: Scheme = "http"
    honor_labels: bool = False
    honor_timestamps: bool = True
    enable_compression: bool = True
    fallback_scrape_protocol: Protocol | None = None
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    http_sd_configs: tuple[HttpSdConfig, ...] = ()
    relabel_configs: tuple[Rule, ...] = ()
    metric_relabel_configs: tuple[Rule, ...] = ()


@document
class QueueConfig:
    """How a remote's buffer is emptied: one request at a time, so that `capacity` and the shards change nothing."""

    max_samples_per_send: Annotated[int, Field(ge=1, le=100_000)] = 2000
    batch_send_deadline: Duration = 5.0
    min_backoff: Annotated[Duration, Field(gt=0)] = 0.03
    max_backoff: Annotated[Duration, Field(gt=0)] = 5.0
    capacity: int = 10_000
    max_shards: int = 50
    min_shards: int = 1
    retry_on_http_429: bool = True
    sample_age_limit: Literal["0s", "0"] = "0s"


@document
class MetadataConfig:
    """Taken and without effect: metadata is not sent."""

    send: bool = True
    send_interval: Duration = 60.0
    max_samples_per_send: int = 500


@document
class RemoteWrite(HttpSettings):
    """A remote-write 1.0 receiver that gets all samples."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    name: str = ""
    remote_timeout: Annotated[Duration, Field(gt=0)] = 30.0
    headers: dict[str, str] = field(default_factory=dict)
    write_relabel_configs: tuple[Rule, ...] = ()
    queue_config: QueueConfig = field(default_factory=QueueConfig)
    metadata_config: MetadataConfig = field(default_factory=MetadataConfig)
    send_exemplars: Literal[False] = False
    send_native_histograms: Literal[False] = False
    protobuf_message: Literal["prometheus.WriteRequest"] = "prometheus.WriteRequest"


@document
class AlertmanagerConfig(HttpSettings):
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
class Tsdb:
    """The store. `out_of_order_time_window`: how much older than the newest of all a late sample may be, in seconds."""

    out_of_order_time_window: Annotated[Duration, Field(ge=0)] = 0.0


@document
class StorageConfig:
    """Where samples are kept."""

    tsdb: Tsdb = field(default_factory=Tsdb)


@document
class PrometheusConfig:
    """All of prometheus.yml. `root` is its folder; `text` the file as it was read."""

    global_: Annotated[Global, Field(alias="global")] = field(default_factory=Global)
    rule_files: tuple[str, ...] = ()
    scrape_configs: tuple[ScrapeConfig, ...] = ()
    scrape_config_files: tuple[str, ...] = ()
    alerting: Alerting = field(default_factory=Alerting)
    storage: StorageConfig = field(default_factory=StorageConfig)
    remote_write: tuple[RemoteWrite, ...] = ()
    root: str = ""
    text: str = ""

    def path(self, relative: str) -> Path:
        return Path(self.root) / relative

    def rule_paths(self) -> tuple[Path, ...]:
        """The rule files that exist now, in order."""
        return _paths(self.root, self.rule_files)


@document
class ScrapeConfigFile:
    """A file of jobs that prometheus.yml names under scrape_config_files."""

    scrape_configs: tuple[ScrapeConfig, ...] = ()


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> PrometheusConfig:
    """Reads prometheus.yml and the files of jobs that it names; `$NAME` in external labels from `environment`.

    Raises DocumentError with file, line, and the nearest right or the lacking name.
    """
    source = read(path)
    config = _converted(source, PrometheusConfig)
    root = str(path.resolve().parent)
    seen: set[str] = set()
    _check(source, config, seen)
    jobs = [*config.scrape_configs]
    for file in _paths(root, config.scrape_config_files):
        part = read(file)
        more = _converted(part, ScrapeConfigFile).scrape_configs
        _check_jobs(part, more, config.global_, seen)
        jobs += more
    common = replace(
        config.global_, external_labels=_expanded(config.global_.external_labels, environment or os.environ)
    )
    return replace(
        config, global_=common, scrape_configs=tuple(_with_defaults(job, common) for job in jobs), root=root,
        text=path.read_text(encoding="utf-8"),
    )  # fmt: skip


def _converted(source: Source, cls: type[T]) -> T:
    _refuse_lacking(source, source.data if isinstance(source.data, dict) else {})
    return convert(source, cls)


def _paths(root: str, globs: Iterable[str]) -> tuple[Path, ...]:
    patterns = [os.path.normpath(Path(root) / pattern) for pattern in globs]
    found = [p for pattern in patterns for p in sorted(glob.glob(pattern))]
    return tuple(Path(p) for p in dict.fromkeys(found))


def _expanded(labels: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Values with `$NAME` and `${NAME}` put in, '' for what is not set; `$$` is a dollar."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else environment.get(match[2] or match[3], "")

    return {name: _VARIABLE.sub(value, text) for name, text in labels.items()}


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
    storage = data.get("storage")
    if isinstance(storage, dict):
        yield ("storage",), storage, "storage"
        if isinstance(storage.get("tsdb"), dict):
            yield ("storage", "tsdb"), storage["tsdb"], "tsdb"
    alerting = data.get("alerting")
    managers = alerting.get("alertmanagers") if isinstance(alerting, dict) else None
    for number, manager in enumerate(managers if isinstance(managers, list) else ()):
        if isinstance(manager, dict):
            yield ("alerting", "alertmanagers", number), manager, "alertmanager"
    remotes = data.get("remote_write")
    for number, remote in enumerate(remotes if isinstance(remotes, list) else ()):
        if isinstance(remote, dict):
            yield ("remote_write", number), remote, "remote"
    jobs = data.get("scrape_configs")
    for number, job in enumerate(jobs if isinstance(jobs, list) else ()):
        if isinstance(job, dict):
            yield ("scrape_configs", number), job, "scrape"
            found = job.get("http_sd_configs")
            for index, one in enumerate(found if isinstance(found, list) else ()):
                if isinstance(one, dict):
                    yield ("scrape_configs", number, "http_sd_configs", index), one, "http_sd"


def _check(source: Source, config: PrometheusConfig, seen: set[str]) -> None:
    if config.global_.scrape_timeout > config.global_.scrape_interval:
        raise source.refuse(("global", "scrape_timeout"), "is longer than the scrape interval")
    for number, manager in enumerate(config.alerting.alertmanagers):
        _check_http(source, ("alerting", "alertmanagers", number), manager)
    names = [remote.name or remote.url for remote in config.remote_write]
    for number, written in enumerate(config.remote_write):
        _check_http(source, ("remote_write", number), written)
        if names[number] in names[:number]:
            raise source.refuse(("remote_write", number), f"the remote {names[number]!r} stands here twice")
    _check_jobs(source, config.scrape_configs, config.global_, seen)


def _check_jobs(source: Source, jobs: Iterable[ScrapeConfig], common: Global, seen: set[str]) -> None:
    for number, job in enumerate(jobs):
        place = ("scrape_configs", number)
        if job.job_name in seen:
            raise source.refuse((*place, "job_name"), f"the job {job.job_name!r} stands here twice")
        seen.add(job.job_name)
        _check_targets(source, number, job)
        if job.scrape_timeout > (job.scrape_interval or common.scrape_interval):
            raise source.refuse((*place, "scrape_timeout"), "is longer than the scrape interval")
        if job.fallback_scrape_protocol == "PrometheusProto":
            raise source.refuse((*place, "fallback_scrape_protocol"), "opsctl reads no protobuf", "use a text format")
        _check_http(source, place, job)
        for index, found in enumerate(job.http_sd_configs):
            at = (*place, "http_sd_configs", index)
            if not found.url.startswith(("http://", "https://")):
                raise source.refuse((*at, "url"), f"{found.url!r} is not an http or https URL")
            _check_http(source, at, found)


def _check_http(source: Source, place: tuple[int | str, ...], settings: HttpSettings) -> None:
    path, wrong = settings.mistake()
    if wrong:
        raise source.refuse((*place, *path), wrong)


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
    """A job with the global interval, timeout and limits where it has none of its own."""
    interval = job.scrape_interval or common.scrape_interval
    timeout = job.scrape_timeout or min(common.scrape_timeout or 10.0, interval)
    limits = {name: getattr(job, name) or getattr(common, name) for name in _LIMITS}
    return replace(job, scrape_interval=interval, scrape_timeout=timeout, **limits)
