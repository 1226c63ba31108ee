"""The `alerting` part: where alerts go, and how their labels are rewritten on the way."""

from __future__ import annotations

from dataclasses import field

from opsctl.core.document import Source, document
from opsctl.core.http_settings import HttpSettings
from opsctl.relabel import Rule
from opsctl.scrape.config.common import Validation
from opsctl.scrape.config.discovery import Discovery, check_discovery
from opsctl.scrape.config.fields import Span, check_http
from opsctl.scrape.config.job import ScrapeConfig, check_rules


@document
class AlertmanagerConfig(HttpSettings, Discovery):
    """Alertmanagers that alerts are sent to; `timeout` in seconds. `alert_relabel_configs` come after those of all."""

    scheme: str = "http"
    path_prefix: str = ""
    timeout: Span = 10.0
    api_version: str = "v2"
    relabel_configs: tuple[Rule, ...] = ()
    alert_relabel_configs: tuple[Rule, ...] = ()

    def as_job(self, number: int, root: str) -> ScrapeConfig:
        """The same as a job, so that its targets are made as those of jobs."""
        return ScrapeConfig(
            job_name=f"config-{number}", scheme=self.scheme, static_configs=self.static_configs,
            file_sd_configs=self.file_sd_configs, http_sd_configs=self.http_sd_configs,
            relabel_configs=self.relabel_configs, root=root,
        )  # fmt: skip


@document
class Alerting:
    """Where alerts go, and how their labels are rewritten on the way."""

    alert_relabel_configs: tuple[Rule, ...] = ()
    alertmanagers: tuple[AlertmanagerConfig, ...] = field(default_factory=tuple)


def check_alerting(source: Source, alerting: Alerting, validation: Validation) -> None:
    """Raises DocumentError. Source: Prometheus, config AlertingConfig."""
    check_rules(source, ("alerting", "alert_relabel_configs"), alerting.alert_relabel_configs, validation)
    for number, manager in enumerate(alerting.alertmanagers):
        place = ("alerting", "alertmanagers", number)
        if manager.api_version != "v2":
            said = f"expected Alertmanager api version to be one of [v2] but got {manager.api_version}"
            raise source.refuse((*place, "api_version"), said)
        check_http(source, place, manager)
        check_discovery(source, place, manager, bool(manager.relabel_configs))
        check_rules(source, (*place, "relabel_configs"), manager.relabel_configs, validation)
        check_rules(source, (*place, "alert_relabel_configs"), manager.alert_relabel_configs, validation)
