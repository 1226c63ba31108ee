"""Gamedays against the running product: scenarios → fault → alert → message → incident → runbook → report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import requests

from opsctl.client.http import connect
from opsctl.core.clock import iso, local
from opsctl.core.errors import Unreachable, UsageError
from opsctl.core.settings import Settings
from opsctl.core.versions import ConfigVersions
from opsctl.flows.lifecycle import inventories
from opsctl.gameday.faults import FAULTS
from opsctl.gameday.history import History, Outcome
from opsctl.gameday.play import Event, play, put_back
from opsctl.gameday.scenario import Scenario, chosen, load_scenarios, names_of

_ENDED = ("done", "failed", "stopped", "refused", "expired")


class Gameday:
    """The scenarios of this home, and their history."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._systems = inventories(settings)
        self.history = History(settings.home_path / "gameday")

    def scenarios(self) -> dict[str, Scenario]:
        if not self._settings.documents.gameday:
            raise UsageError("no folder of scenarios is set", "documents.gameday in opsctl.yml")
        return load_scenarios(self._settings.path(self._settings.documents.gameday), self._names())

    def plan(self, name: str) -> list[dict[str, str]]:
        """What `run` would break, without breaking it."""
        found = chosen(self.scenarios(), name)
        return [{"scenario": s.name, "fault": s.fault.kind, "alert": s.alert, "title": s.title} for s in found]

    def run(self, name: str, tell: Callable[[Event], None]) -> list[Outcome]:
        """Plays the named scenario, or all; a fault that an interrupted run left in place is lifted first."""
        scenarios = self.scenarios()
        wanted = chosen(scenarios, name)
        self._lift_left_over(scenarios, tell)
        product = LiveProduct(self._settings, self._names().get("wall", ""))
        return [play(s, product, self.history, self._configs(), tell) for s in wanted]

    def _lift_left_over(self, scenarios: Mapping[str, Scenario], tell: Callable[[Event], None]) -> None:
        left = self.history.fault_in_place()
        if left is None:
            return
        scenario = scenarios.get(left["scenario"])
        if scenario is not None:
            FAULTS[scenario.fault.kind].lift(scenario.fault, left["record"])
        put_back(left["configs"], self._configs())
        self.history.forget_fault()
        tell(
            Event(
                "lifted",
                f"上次中断的故障已撤除 / lifted the fault that an interrupted run left: {left['scenario']}",
                0.0,
            )
        )

    def _names(self) -> dict[str, str]:
        return names_of(self._systems, self._settings.home_path, sys.executable)

    def _configs(self) -> dict[str, ConfigVersions]:
        return {c.name: ConfigVersions(self._settings.path(c.folder)) for i in self._systems for c in i.configs}


class LiveProduct:
    """The running product, seen through its API; the phones through the wall that shows them."""

    def __init__(self, settings: Settings, wall: str) -> None:
        self._viewer = connect(settings, "viewer")
        self._operator = connect(settings, "operator")
        self._approver = connect(settings, "approver")
        self._wall = wall

    def figure(self, query: str) -> float | None:
        result = self._viewer.get("/api/v1/query", query=query)["data"]["result"]
        value = float(result[0]["value"][1]) if result else None
        return None if value is None or value != value else value

    def firing(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        filters = [f'alertname="{alert}"', *(f'{k}="{v}"' for k, v in parameters.items())]
        found: list[dict[str, Any]] = self._viewer.get("/api/v2/alerts", filter=filters, active="true")
        return found[0] if found else None

    def messages(self, since: int) -> list[dict[str, Any]]:
        try:
            answer = requests.get(self._wall, params={"since": since}, timeout=5)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise Unreachable(f"the phone wall {self._wall} does not answer", "opsctl status") from error
        return [m for m in answer.json()["messages"] if m["id"] > since]

    def incident(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        found = self._viewer.get("/api/opsctl/v1/incidents", state="open")
        for each in found:
            key = each.get("key", {})
            if key.get("alertname") == alert and all(key.get(k, v) == v for k, v in parameters.items()):
                return self._incident(each["id"])
        return None

    def _incident(self, number: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._viewer.get(f"/api/opsctl/v1/incidents/{number}")
        lines = [f"{local(e['at'], '%H:%M:%S')} {e['text']}" for e in found.get("timeline", [])]
        return {**found, "timeline_text": lines}

    def log_lines(self, since: float, until: float, limit: int) -> list[str]:
        found = self._viewer.get(
            "/api/opsctl/v1/logs/search",
            q="log.level:error OR log.level:warning",
            since=iso(since),
            until=iso(until),
            limit=limit,
        )
        return [f"{line['at']} {line['service']} {line['message']}" for line in found["lines"]]

    def start_runbook(self, name: str, fingerprint: str, dry_run: bool) -> str:
        body = {"runbook": name, "fingerprint": fingerprint, "dry_run": dry_run}
        return str(self._operator.post("/api/opsctl/v1/runbook/runs", body)["id"])

    def run_of(self, run: str, approve: bool) -> dict[str, Any]:
        path = f"/api/opsctl/v1/runbook/runs/{run}"
        found: dict[str, Any] = self._viewer.get(path)
        if approve and found["status"] == "awaiting_approval":
            self._approver.post(f"{path}/approve", {"hash": found["plan_hash"]})
        lines = [f"{s['status']:<9} {s['name']}  {s.get('summary', '')}" for s in found["steps"]]
        return {**found, "ended": found["status"] in _ENDED, "lines": lines}

    def report(self, incident: str) -> tuple[str, ...]:
        made = self._operator.post(f"/api/opsctl/v1/incidents/{incident}/report")
        return (made["markdown"], made["html"])
