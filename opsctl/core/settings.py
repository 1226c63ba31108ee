"""The settings: one frozen object, read once at the door from `opsctl.yml`."""

from __future__ import annotations

import os
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, NonNegativeInt

from opsctl.core.document import Size, convert, document, read
from opsctl.core.errors import UsageError

FILE_NAME = "opsctl.yml"


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"not HOST:PORT: {text!r} (e.g. 127.0.0.1:8400)")
    return text


Address = Annotated[str, AfterValidator(_address)]


def host_port(address: str) -> tuple[str, int]:
    """Splits `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@document
class Listen:
    """Where our processes listen."""

    ops: Address = "127.0.0.1:8400"
    metrics: Address = "127.0.0.1:8401"
    alerting: Address = "127.0.0.1:8402"
    dashboards: Address = "127.0.0.1:8501"


@document
class Metrics:
    """The metrics home: our own store, or any engine with Prometheus' API and remote write at `url`.

    Of our own store: blocks go by age and by `retention_size` (bytes); so many series in all and of a target, 0: no limit.
    """

    engine: Literal["embedded", "prometheus"] = "embedded"
    url: str = ""
    token_file: str = ""
    config: str = "prometheus.yml"
    retention_days: int = 90
    retention_size: Size = 0
    max_series: NonNegativeInt = 1_000_000
    max_series_per_target: NonNegativeInt = 100_000


@document
class Alerting:
    """The alerting home: our own process."""

    engine: Literal["embedded"] = "embedded"
    config: str = "alertmanager.yml"


@document
class Logs:
    """The log store: an index a day in Tantivy, or an Elasticsearch cluster."""

    engine: Literal["tantivy", "elasticsearch"] = "tantivy"
    url: str = ""
    retention_days: int = 30


@document
class State:
    """The operations state."""

    engine: Literal["sqlite"] = "sqlite"


@document
class Incidents:
    """How alerts become incidents."""

    group_by: tuple[str, ...] = ("alertname", "service")


@document
class Documents:
    """Where the documents are, relative to `opsctl.yml`; '' where there is none."""

    runbooks: str = ""
    gameday: str = ""
    backup: str = ""
    oncall: str = ""


@document
class Settings:
    """All of `opsctl.yml`. `root` is its folder, `home` the absolute state folder."""

    home: str = "var"
    external_url: str = "http://127.0.0.1:8400"
    listen: Listen = field(default_factory=Listen)
    metrics: Metrics = field(default_factory=Metrics)
    alerting: Alerting = field(default_factory=Alerting)
    logs: Logs = field(default_factory=Logs)
    state: State = field(default_factory=State)
    incidents: Incidents = field(default_factory=Incidents)
    documents: Documents = field(default_factory=Documents)
    systems: dict[str, str] = field(default_factory=dict)
    file: str = ""

    @property
    def root(self) -> Path:
        return Path(self.file).parent if self.file else Path.cwd()

    @property
    def home_path(self) -> Path:
        return self.path(os.environ.get("OPSCTL_HOME") or self.home)

    def path(self, relative: str) -> Path:
        """A path of the settings made absolute: relative ones start at `opsctl.yml`'s folder."""
        return (self.root / Path(relative).expanduser()).resolve()

    @property
    def metrics_url(self) -> str:
        return f"http://{self.listen.metrics}"

    @property
    def alerting_url(self) -> str:
        return f"http://{self.listen.alerting}"

    @property
    def ops_url(self) -> str:
        return f"http://{self.listen.ops}"


def find(config: str | None = None, start: Path | None = None) -> Path:
    """The settings file: `config`, else OPSCTL_CONFIG, else `opsctl.yml` here or in the nearest parent."""
    named = config or os.environ.get("OPSCTL_CONFIG")
    if named:
        return Path(named).expanduser().resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise UsageError(
        f"no {FILE_NAME} in {here} or above it", "make one with: opsctl init DIR, or name it with --config"
    )


def load_settings(config: str | None = None) -> Settings:
    """Reads the settings, or raises DocumentError with file, line and nearest right name."""
    path = find(config)
    source = read(path)
    settings = convert(source, Settings)
    if settings.logs.engine == "elasticsearch" and not settings.logs.url:
        raise source.refuse(("logs", "url"), "is required for engine elasticsearch")
    if settings.metrics.engine == "prometheus" and not settings.metrics.url.startswith(("http://", "https://")):
        raise source.refuse(("metrics", "url"), "is required for engine prometheus", "e.g. http://127.0.0.1:9090")
    return replace(settings, file=str(path))
