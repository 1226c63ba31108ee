"""alerting.alertmanagers → their targets, followed as they change → the receivers of the notifier."""

from __future__ import annotations

from opsctl.core.clock import Clock
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log
from opsctl.metrics.notifier import Notifier, Receiver
from opsctl.scrape.alertmanagers import Found, alertmanagers
from opsctl.scrape.config import PrometheusConfig
from opsctl.scrape.discovering import Discovering
from opsctl.scrape.figures import ScrapeFigures

LOG = Log("opsctl.flows")


class Alertmanagers:
    """Tells the notifier whom to send alerts to, now and whenever that changes."""

    def __init__(self, notifier: Notifier, clock: Clock, figures: ScrapeFigures) -> None:
        self._notifier, self._clock, self._figures = notifier, clock, figures
        self._config = PrometheusConfig()
        self._client: HttpClient | None = None
        self._sources: Discovering | None = None
        self._wrong: tuple[str, ...] = ()
        self.urls: tuple[str, ...] = ()
        self.dropped: tuple[str, ...] = ()

    async def start(self) -> None:
        self._client = HttpClient()
        self._sources = Discovering(self._client, self._clock, self._figures, "notify", self._follow)

    def apply(self, config: PrometheusConfig) -> None:
        """Takes a configuration; queues to Alertmanagers that stay are kept."""
        assert self._sources is not None
        self._config = config
        self._sources.configure([m.as_job(i, config.root) for i, m in enumerate(config.alerting.alertmanagers)])
        self._follow()

    def _follow(self) -> None:
        assert self._sources is not None
        receivers: list[Receiver] = []
        found: list[Found] = []
        for number, manager in enumerate(self._config.alerting.alertmanagers):
            one = alertmanagers(manager, self._sources.groups(manager.as_job(number, self._config.root)))
            rules = manager.alert_relabel_configs
            receivers += [Receiver(url, manager.timeout, manager, self._config.root, rules) for url in one.urls]
            found.append(one)
        self.urls = tuple(url for one in found for url in one.urls)
        self.dropped = tuple(url for one in found for url in one.dropped)
        self._note_wrong(tuple(said for one in found for said in one.wrong))
        alerting = self._config.alerting
        self._notifier.configure(
            receivers, self._config.global_.external_labels, alerting.alert_relabel_configs
        )  # fmt: skip

    def _note_wrong(self, wrong: tuple[str, ...]) -> None:
        for said in set(wrong) - set(self._wrong):
            LOG.error("notifier.alertmanager_refused", error=said)
        self._wrong = wrong

    async def stop(self) -> None:
        if self._sources is not None:
            await self._sources.stop()
        if self._client is not None:
            await self._client.close()
