"""Wires the ops process: access, incidents, runbooks, logs, backups, and the operations API over all three processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics

from opsctl.access import audit as audit_log
from opsctl.access import tokens as token_table
from opsctl.access.audit import Audit
from opsctl.access.tokens import Tokens
from opsctl.api.access import Access
from opsctl.api.ops import build
from opsctl.api.routers import access as access_router
from opsctl.api.routers import backup as backup_router
from opsctl.api.routers import incidents as incidents_router
from opsctl.api.routers import logs as logs_router
from opsctl.api.routers import runbook as runbook_router
from opsctl.core.clock import SystemClock
from opsctl.core.db import Database
from opsctl.core.folder import OwnedFolder
from opsctl.core.settings import Settings
from opsctl.flows.backup_calendar import BackupFigures, catch_up, jobs
from opsctl.flows.lifecycle import inventories
from opsctl.flows.mending import figures_of, find_alert, run_events, runs_of
from opsctl.flows.operating import Loop, LoopFigures, Operating
from opsctl.flows.peers import Peers, outcome
from opsctl.flows.resilience import Resilience
from opsctl.incidents.figures import IncidentFigures
from opsctl.incidents.incidents import Incidents
from opsctl.incidents.reporter import Reporter
from opsctl.incidents.source import AlertingSource
from opsctl.incidents.store import SCHEMA as INCIDENT_SCHEMA
from opsctl.incidents.store import IncidentStore
from opsctl.logs.figures import LogFigures, retain
from opsctl.logs.query import parse_query
from opsctl.logs.ship import LogShipper
from opsctl.logs.sources import log_files
from opsctl.logs.store import LogStore, open_store
from opsctl.model.inventory import Inventory
from opsctl.model.logline import LogLine
from opsctl.resilience.background import Background
from opsctl.resilience.policy import load_policy
from opsctl.runbook.action import Context
from opsctl.runbook.engine import RunbookEngine
from opsctl.runbook.figures import RunFigures
from opsctl.runbook.library import Library
from opsctl.runbook.store import SCHEMA as RUNBOOK_SCHEMA
from opsctl.runbook.store import Runs

VERSION = 1
_RUNBOOK_THREADS = 4


class OpsProcess:
    """The ops process, to be run by serve."""

    def __init__(
        self, asgi: FastAPI, operating: Operating, engine: RunbookEngine, runners: ThreadPoolExecutor, rooms: Rooms
    ) -> None:
        self.asgi = asgi
        self._operating = operating
        self._engine = engine
        self._runners = runners
        self._rooms = rooms

    async def start(self) -> None:
        self._engine.start()
        await self._operating.start()
        self._rooms.catch_up(time.time())

    async def stop(self) -> None:
        await self._operating.stop()
        self._engine.close()
        await asyncio.to_thread(self._runners.shutdown, wait=True)
        await asyncio.to_thread(self._rooms.close)

    def reload(self) -> None:
        self._engine.library.reload()


class Rooms:
    """What the ops process owns: its folder, its stores, its rooms."""

    def __init__(self, settings: Settings, systems: Sequence[Inventory], registry: CollectorRegistry) -> None:
        self.settings, self.systems = settings, {s.system: s for s in systems}
        home = settings.home_path
        self.folder = OwnedFolder(home / "ops", VERSION)
        self.tokens = Tokens(Database(home / "ops" / "access.db", token_table.SCHEMA))
        self.tokens.seed(home / "tokens", time.time())
        self.audit = Audit(Database(home / "ops" / "audit.db", audit_log.SCHEMA))
        self.peers = Peers(settings)
        self.logs: LogStore = open_store(settings)
        self.log_figures = LogFigures(registry)
        self.shipper = LogShipper(log_files(systems, home), self.logs, home / "ops" / "logs")
        self.runs = Runs(Database(home / "ops" / "runbook.db", RUNBOOK_SCHEMA))
        self.library = Library(settings.path(settings.documents.runbooks) if settings.documents.runbooks else None)
        self.library.reload()
        self.incident_store = IncidentStore(Database(home / "ops" / "incidents.db", INCIDENT_SCHEMA))
        self.alerting = AlertingSource(settings.alerting_url)
        self.incidents = Incidents(
            self.incident_store, self.alerting, settings.incidents.group_by,
            run_events(self.runs), IncidentFigures(registry),
        )  # fmt: skip
        self.reporter = Reporter(
            self.incident_store, home / "ops" / "reports", settings.metrics_url, self._lines_of,
            runs_of(self.runs), figures_of(self.library),
        )  # fmt: skip
        self.background = Background(time.time)
        self.resilience = self._resilience()
        if self.resilience is not None:
            registry.register(BackupFigures(self.resilience, self.background))

    def _lines_of(self, query: str, start: float, end: float, limit: int) -> Sequence[LogLine]:
        return self.logs.search(parse_query(query, end), start, end, limit).lines

    def _resilience(self) -> Resilience | None:
        if not self.settings.documents.backup:
            return None
        policy = load_policy(self.settings.path(self.settings.documents.backup), self.settings.home_path)
        return Resilience(policy, self.systems, self.settings.home_path)

    def context(self, now: float) -> Context:
        """What runbook actions may look at."""
        home = self.settings.home_path
        return Context(self.systems, home, self.settings.metrics_url, home / "run" / "supervisor.sock", now)

    def catch_up(self, now: float) -> None:
        if self.resilience is not None:
            catch_up(self.resilience, self.background, now)

    def loops(self) -> tuple[Loop, ...]:
        return (
            Loop("incidents", 1.0, self._watch),
            Loop("logs", 1.0, self._ship),
            Loop("log retention", 600.0, self._retain),
        )

    def _watch(self, now: float) -> bool:
        self.incidents.tick(now)
        return False

    def _ship(self, now: float) -> bool:
        try:
            result = self.shipper.step(now)
        except Exception:
            self.log_figures.failed()
            raise
        self.log_figures.shipped(result)
        return result.more

    def _retain(self, now: float) -> bool:
        retain(self.logs, self.settings.logs.retention_days, now)
        self.log_figures.measured(self.logs.stats())
        return False

    def summary(self) -> dict[str, Any]:
        """What matters now, for `opsctl status`."""
        open_incidents = self.incident_store.list("open", 1000)
        found: dict[str, Any] = {"open_incidents": len(open_incidents), **self.peers.summary()}
        if self.resilience is not None:
            found["proven_backups"] = sum(1 for s in self.resilience.status().sources if s.last_proven)
        return found

    def close(self) -> None:
        self.background.close()
        self.logs.close()
        self.folder.close()


def build_ops(settings: Settings) -> OpsProcess:
    """Opens the stores and wires everything; nothing runs yet. Raises StateError when the folder is in use."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    clock = SystemClock()
    rooms = Rooms(settings, inventories(settings), registry)
    runners = ThreadPoolExecutor(_RUNBOOK_THREADS, "runbook")
    engine = RunbookEngine(
        rooms.runs, rooms.library, rooms.context, find_alert(rooms.alerting), runners, clock.now, RunFigures(registry)
    )
    calendar = jobs(rooms.resilience, rooms.background) if rooms.resilience is not None else ()
    operating = Operating(rooms.loops(), calendar, clock, LoopFigures(registry))
    asgi = build(
        Access(rooms.tokens, rooms.audit), _routers(rooms, engine), _passed(settings), rooms.summary,
        lambda: {"ops": outcome(engine.library.reload), **rooms.peers.reload()}, registry,
    )  # fmt: skip
    return OpsProcess(asgi, operating, engine, runners, rooms)


def _routers(rooms: Rooms, engine: RunbookEngine) -> tuple[APIRouter, ...]:
    found = [
        access_router.router(rooms.tokens, rooms.audit),
        incidents_router.router(rooms.incidents, rooms.reporter),
        runbook_router.router(engine),
        logs_router.router(rooms.logs),
    ]
    if rooms.resilience is not None:
        found.append(backup_router.router(rooms.resilience, rooms.background))
    return tuple(found)


def _passed(settings: Settings) -> Mapping[str, str]:
    own = ("deliveries", "acks", "alerts", "receivers", "oncall", "noise", "routes", "life")
    return {
        "/api/v1/": settings.metrics_url,
        "/federate": settings.metrics_url,
        "/api/v2/": settings.alerting_url,
        "/links/": settings.alerting_url,
        **{f"/api/opsctl/v1/{noun}": settings.alerting_url for noun in own},
    }
