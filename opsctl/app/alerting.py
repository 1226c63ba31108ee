"""Builds the alerting process: the only place where its rooms are wired together."""

from __future__ import annotations

import asyncio
import hashlib
import platform
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from opsctl.alerts import life, state
from opsctl.alerts.config import Configuration, load_configuration
from opsctl.alerts.dedup import NotificationLog
from opsctl.alerts.figures import Figures
from opsctl.alerts.history import History
from opsctl.alerts.matcher_text import Mode
from opsctl.alerts.others import Alone, Others
from opsctl.alerts.sender import Sender
from opsctl.alerts.silence import SilenceRules
from opsctl.alerts.writer import Writer
from opsctl.api.alerting import AlertingApi, not_found, own_routes, to_prefix
from opsctl.api.alertmanager import VERSION, AlertmanagerApi
from opsctl.api.alertmanager_front import Front
from opsctl.api.life import LifeApi
from opsctl.api.links import LinkPages
from opsctl.api.noise import NoiseApi
from opsctl.api.oncall import OnCallApi
from opsctl.api.problem import on_error
from opsctl.api.routing import RoutingApi
from opsctl.api.wecom_callback import WeComCallbackApi
from opsctl.app.cluster import Clustered, build_cluster, is_clustered
from opsctl.core.clock import Clock, SystemClock
from opsctl.core.db import Database
from opsctl.core.errors import OpsctlError
from opsctl.core.folder import OwnedFolder
from opsctl.core.log import Log
from opsctl.core.memory import collect_seldom
from opsctl.flows.acknowledging import Acknowledging
from opsctl.flows.alerting import Alerting, Ways
from opsctl.flows.delivering import Delivering, dresser
from opsctl.flows.duty import Duty
from opsctl.flows.escalating import check
from opsctl.flows.explaining import Explaining
from opsctl.flows.heartbeats import Heartbeats
from opsctl.flows.link_silencing import LinkSilencing
from opsctl.flows.wecom_callback import WeComCallback
from opsctl.oncall import acks, ladders, overrides
from opsctl.oncall.acks import Acks
from opsctl.oncall.ladder import CLIMBING
from opsctl.oncall.links import Links, load_key
from opsctl.oncall.overrides import Overrides
from opsctl.oncall.roster import OnCall, load_oncall

LOG = Log("opsctl.app.alerting")
_SWEEP_SECONDS = 30.0
_DRAIN_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class AlertingOptions:
    """What the command line gives. `oncall` None without a document; `address` is where the process listens.

    Times in seconds; `timeout` and `concurrency` of HTTP requests, 0 is no limit; `cluster`: its flags by name.
    """

    config_file: Path
    storage: Path
    address: str = "127.0.0.1:9093"
    external_url: str = ""
    route_prefix: str = ""
    oncall: Path | None = None
    retention: float = 432_000.0
    gc_interval: float = 1800.0
    maintenance: float = 900.0
    start_delay: float = 0.0
    timeout: float = 0.0
    concurrency: int = 0
    silences: SilenceRules = field(default_factory=SilenceRules)
    matchers: Mode = "fallback"
    cluster: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """Before every path, without a slash at its end."""
        return "/".join(["", *(self.route_prefix or urlsplit(self.external_url).path).strip("/").split("/")]).rstrip(
            "/"
        )

    def peer(self, bound: str) -> str:
        """Where other members find this one; '' when there are to be none."""
        listen = self.cluster.get("advertise-address", self.cluster.get("listen-address", (bound,)))[-1]
        return bound if listen.startswith(("0.0.0.0", ":", "[::]")) else listen


class AlertingProcess:
    """The process: documents, rooms, loops, API. Made by `build_alerting`."""

    def __init__(self, options: AlertingOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        configuration, oncall = self._documents()
        self._folder = OwnedFolder(options.storage, version=1)
        self._database = Database(options.storage / "alerting.db", (*state.SCHEMA, ladders.SCHEMA, life.SCHEMA))
        remembered = state.remember(self._database, clock.now())
        known_ladders = ladders.remember(self._database)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.figures = Figures(self._registry)
        self.address = options.address
        url = options.external_url or f"http://{options.address}"
        links = Links(load_key(options.storage / "links.key"), url)
        self._acks = Acks(Database(options.storage / "acks.db", acks.SCHEMA))
        self._overrides = Overrides(Database(options.storage / "oncall.db", overrides.SCHEMA))
        self._duty = Duty(lambda: self._oncall, self._overrides)
        self._writer, log = Writer(self._database), NotificationLog(options.retention, remembered.told)
        dress = dresser(links, self._acks, clock, self._duty.names)
        self.sender = Sender(self._writer, log, clock, self.figures, dress, remembered)
        self._make: Callable[[Others], Alerting] = lambda others: Alerting(
            configuration, remembered, self._writer, self.sender, log, self._acks, clock, self.figures,
            Ways(options.start_delay, options.silences, self._duty.oncall, known_ladders, others),
        )  # fmt: skip
        self._cluster: Clustered | None = None
        self._links, self._oncall, self._configuration = links, oncall, configuration
        self._tasks: list[asyncio.Task[None]] = []
        self._asgi: ASGIApp | None = None

    @property
    def asgi(self) -> ASGIApp:
        assert self._asgi is not None, "start first"
        return self._asgi

    def bound(self, address: str) -> None:
        """Takes note of the address really bound: links start with it where no external URL was given."""
        self.address = address
        if not self._options.external_url:
            self._links.base = f"http://{address}"

    def now(self) -> float:
        """The process' clock."""
        return self._clock.now()

    async def start(self) -> None:
        """Takes up the last life's alerts and deliveries; returns when the loops run."""
        others = await self._join()
        self.alerting = self._make(others)
        self._share()
        history = History(self._database)
        self._acknowledging = Acknowledging(self.alerting, history, self._links, self._oncall)
        self._heartbeats = Heartbeats(self.alerting, self.sender, self._clock, self.figures)
        self._asgi = self._application(history)
        self.sender.start()
        self.alerting.escalating.start()
        self._heartbeats.configure(self._configuration)
        self._tasks = [
            asyncio.create_task(self._every(_SWEEP_SECONDS, self.alerting.end_lapsed)),
            asyncio.create_task(self._every(self._options.gc_interval, self._drop_alerts)),
            asyncio.create_task(self._every(self._options.maintenance, self._drop_old)),
        ]
        self._loaded(self._configuration)
        collect_seldom()
        LOG.info("alerting.started", alerts=len(self.alerting.alerts), config=str(self._options.config_file))

    async def _join(self) -> Others:
        """Becomes a member of the cluster that was asked for, if any, and learns what it knows."""
        options = self._options
        if not is_clustered(options.cluster):
            return Alone()
        self._cluster = build_cluster(options.cluster, options.retention, self._clock)
        self.sender.others = self._cluster.sharing
        await self._cluster.start()
        return self._cluster.sharing

    def _share(self) -> None:
        if self._cluster is not None:
            alerting = self.alerting
            self._cluster.sharing.connect(
                alerting.silences, alerting.log, self.sender, self._acks, self._overrides, alerting.escalating,
                alerting.written,
            )  # fmt: skip

    def _members(self) -> tuple[str, list[dict[str, str]]]:
        """Our name, and all members with their addresses."""
        own = {"name": f"opsctl-{platform.node() or 'local'}", "address": self._options.peer(self.address)}
        if self._cluster is None:
            return own["name"], [own]
        members = self._cluster.peer.members
        own = {"name": members.me, "address": members.address}
        others = [{"name": m.name, "address": m.address} for m in members.alive(self._clock.now())]
        return members.me, sorted([own, *others], key=lambda m: m["name"])

    async def stop(self) -> None:
        """Sends what is due (10 s at most), writes what is known, lets the folder go."""
        self.alerting.stop()
        await self.alerting.escalating.stop()
        self._heartbeats.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sender.stop(_DRAIN_SECONDS)
        if self._cluster is not None:
            await self._cluster.peer.stop()
        await self._writer.close()
        self._database.close()
        self._folder.close()

    async def reload(self) -> None:
        """Loads both documents again. Raises DocumentError and leaves the old ones in force."""
        try:
            configuration, oncall = self._documents()
        except OpsctlError:
            self.figures.reload_good.set(0)
            raise
        self._oncall = self._acknowledging.oncall = oncall
        self.alerting.configure(configuration)
        self._heartbeats.configure(configuration)
        self._loaded(configuration)

    def _documents(self) -> tuple[Configuration, OnCall]:
        configuration = load_configuration(self._options.config_file, mode=self._options.matchers)
        oncall = load_oncall(self._options.oncall)
        check(configuration, oncall)
        return configuration, oncall

    def _loaded(self, configuration: Configuration) -> None:
        integrations = list(configuration.integrations.values())
        self.figures.known(integrations)
        self.figures.receivers.set(len(configuration.receivers))
        self.figures.integrations.set(len(integrations))
        self.figures.rules.set(len(configuration.inhibit_rules))
        self.figures.config_hash.set(int.from_bytes(hashlib.sha256(configuration.text.encode()).digest()[:6]))
        self.figures.clustered.set(1 if self._options.peer(self.address) else 0)
        self.figures.reload_good.set(1)
        self.figures.reload_at.set(self._clock.now())
        go = f"python{platform.python_version()}"
        self.figures.build.labels(VERSION, "opsctl", "", go, platform.machine(), sys.platform, "").set(1)

    def _application(self, history: History) -> ASGIApp:
        silencing = LinkSilencing(self.alerting)
        callback = WeComCallback(self.alerting, self._acknowledging, silencing, self.sender)
        delivering = Delivering(self.alerting, self.sender, self._writer)
        options, prefix = self._options, self._options.prefix
        routes: list[Route] = [
            *AlertmanagerApi(self.alerting, self._clock, self._members).routes(),
            *AlertingApi(self.alerting, self._acknowledging, delivering, history, self._clock).routes(),
            *LifeApi(Explaining(self.alerting, self._database, history, self._acks), self._clock).routes(),
            *RoutingApi(self.alerting).routes(),
            *NoiseApi(history, self._acks, self._clock).routes(),
            *OnCallApi(self._duty, self.alerting.escalating, self._clock).routes(),
            *LinkPages(self._acknowledging, silencing, self._clock).routes(),
            *WeComCallbackApi(callback, self._clock).routes(),
            *own_routes(self._metrics, self.reload),
        ]
        app = Starlette(
            routes=[Mount(prefix, routes=routes), to_prefix(prefix)] if prefix else routes,
            exception_handlers={OpsctlError: on_error, 404: not_found},
        )
        return Front(app, prefix, self.figures.http, options.concurrency, options.timeout)

    def _metrics(self) -> bytes:
        now, figures, alerting = self._clock.now(), self.figures, self.alerting
        live = [a for a in alerting.alerts.all() if not a.resolved(now)]
        held = sum(1 for a in live if alerting.silenced_by(a, now) or alerting.inhibited_by(a, now))
        for gauge in (figures.alerts, figures.marked):
            gauge.labels("active").set(len(live) - held)
            gauge.labels("suppressed").set(held)
            gauge.labels("unprocessed").set(0)
        states = Counter(s.state(now) for s in alerting.silences.all())
        for name in ("active", "pending", "expired"):
            figures.silences.labels(name).set(states[name])
        waiting = [d.created_at for d in self.sender.open()]
        figures.pending.set(len(waiting))
        figures.oldest.set(now - min(waiting) if waiting else 0.0)
        figures.groups.set(len(alerting.dispatcher))
        figures.log_entries.set(len(alerting.log))
        if self._cluster is not None:
            figures.members.set(1 + len(self._cluster.peer.members.alive(now)))
            figures.position.set(self._cluster.peer.members.position(now))
        figures.climbing.set(sum(1 for x in alerting.escalating.all() if x.status == CLIMBING))
        figures.overdue.set(alerting.escalating.overdue(now))
        figures.acked.set(len(self._acknowledging.standing(now)))
        return generate_latest(self._registry)

    def _drop_alerts(self) -> None:
        self.alerting.drop_alerts()

    def _drop_old(self) -> None:
        self.alerting.drop_old(self._options.retention)

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        while True:
            await self._clock.sleep(seconds)
            try:
                act()
            except Exception as error:  # housekeeping goes on; the figure tells
                self.figures.defects.labels(act.__name__).inc()
                LOG.error("housekeeping.defect", error, task=act.__name__)


def build_alerting(options: AlertingOptions, clock: Clock | None = None) -> AlertingProcess:
    """The alerting process, ready to start. Raises DocumentError, StateError."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return AlertingProcess(options, clock or SystemClock())
