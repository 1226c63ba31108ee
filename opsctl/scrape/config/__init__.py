"""prometheus.yml as a document: what we have of it; what we lack is refused by name."""

from opsctl.scrape.config.alerting import Alerting, AlertmanagerConfig
from opsctl.scrape.config.common import Global, ScrapeLimits
from opsctl.scrape.config.discovery import Discovery, FileSdConfig, HttpSdConfig, StaticConfig
from opsctl.scrape.config.job import ScrapeConfig
from opsctl.scrape.config.load import PrometheusConfig, load_config
from opsctl.scrape.config.remote_write import MetadataConfig, QueueConfig, RemoteWrite

__all__ = [
    "Alerting",
    "AlertmanagerConfig",
    "Discovery",
    "FileSdConfig",
    "Global",
    "HttpSdConfig",
    "MetadataConfig",
    "PrometheusConfig",
    "QueueConfig",
    "RemoteWrite",
    "ScrapeConfig",
    "ScrapeLimits",
    "StaticConfig",
    "load_config",
]  # fmt: skip
