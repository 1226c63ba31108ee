"""A play against a product whose answers are told by a script: what is missing makes it fail, and all is put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.core.errors import DocumentError, OpsctlError, UsageError
from opsctl.core.versions import ConfigVersions
from opsctl.gameday.history import History
from opsctl.gameday.play import Event, play
from opsctl.gameday.scenario import FaultOf, FigureOf, Scenario, chosen, load_scenarios

FIRING, RESOLVED = "🔴 FIRING 1 · Bad", "✅ RESOLVED 1 · Bad"


class Script:
    """Well, broken once the version is bad, mended by the runbook (which goes back to the version before)."""

    def __init__(
        self, versions: ConfigVersions, channels: tuple[str, ...] = ("dingtalk", "wecom"), mends: bool = True
    ) -> None:
        self.versions, self.channels, self.mends = versions, channels, mends
        self.broken = False
        self.approved = False

    def _is_bad(self) -> bool:
        self.broken = self.broken or self.versions.current != "0001"
        return self.versions.current != "0001"

    def figure(self, query: str) -> float | None:
        return 0.1 if self._is_bad() else 1.0

    def firing(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        bad = {"fingerprint": "f", "annotations": {"runbook": "r", "summary": "s"}}
        return bad if self._is_bad() else None

    def messages(self, since: int) -> list[dict[str, Any]]:
        told = [FIRING] if self.broken else []
        told += [RESOLVED] if self.broken and not self._is_bad() else []
        return [
            {"id": number * 10 + place, "channel": channel, "text": text}
            for number, text in enumerate(told, 1)
            for place, channel in enumerate(self.channels)
        ]

    def incident(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        return {"id": 7}

    def log_lines(self, since: float, until: float, limit: int) -> list[str]:
        return ["a line"]

    def start_runbook(self, name: str, fingerprint: str, dry_run: bool) -> str:
        if not dry_run and self.mends:
            self.versions.use("0001")
        return "dry" if dry_run else "real"

    def run_of(self, run: str, approve: bool) -> dict[str, Any]:
        self.approved = self.approved or approve
        return {"status": "done", "ended": True, "lines": []}

    def report(self, incident: str) -> tuple[str, ...]:
        return ("report.md", "report.html")


@pytest.fixture
def versions(tmp_path: Path) -> ConfigVersions:
    folder = tmp_path / "config"
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / "0001.yml").write_text("a: 1\n")
    (folder / "current").write_text("0001\n")
    return ConfigVersions(folder)


@pytest.fixture
def scenario(versions: ConfigVersions) -> Scenario:
    return Scenario(
        name="s", title="t", alert="Bad", fault=FaultOf(kind="config", config=str(versions.folder), key="a", value=2),
        figure=FigureOf(name="figure", query="q", broken="< 0.5", recovered=">= 0.9"),
        detect_within=2, deliver_within=2, recover_within=2, resolve_within=2,
    )  # fmt: skip


def test_all_that_has_to_happen_happens_in_order(scenario: Scenario, versions: ConfigVersions, tmp_path: Path) -> None:
    said: list[Event] = []
    product, history = Script(versions), History(tmp_path / "gameday")
    outcome = play(scenario, product, history, {"c": versions}, said.append)
    assert outcome.passed, outcome.problems
    assert [e.kind for e in said] == [
        "fault", "failing", "alert", "message", "message", "incident", "dry-run", "run", "run", "recovered",
        "resolved", "resolved", "report", "lifted",
    ]  # fmt: skip
    assert product.approved
    assert (versions.current, history.fault_in_place()) == ("0001", None)
    assert history.list()[0]["mttr_seconds"] > 0


def test_a_phone_that_stays_silent_fails_it(scenario: Scenario, versions: ConfigVersions, tmp_path: Path) -> None:
    outcome = play(scenario, Script(versions, ("dingtalk",)), History(tmp_path / "g"), {}, lambda _: None)
    assert not outcome.passed
    assert any("wecom" in p for p in outcome.problems)


def test_a_runbook_that_mends_nothing_fails_it_and_all_is_put_back(
    scenario: Scenario, versions: ConfigVersions, tmp_path: Path
) -> None:
    outcome = play(scenario, Script(versions, mends=False), History(tmp_path / "g"), {"c": versions}, lambda _: None)
    assert not outcome.recovered
    assert versions.current == "0001"


def test_whatever_goes_wrong_the_fault_is_lifted(scenario: Scenario, versions: ConfigVersions, tmp_path: Path) -> None:
    class Breaks(Script):
        def incident(self, alert: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
            raise OpsctlError("no connection")

    history = History(tmp_path / "g")
    with pytest.raises(OpsctlError, match="no connection"):
        play(scenario, Breaks(versions), history, {"c": versions}, lambda _: None)
    assert (versions.current, history.fault_in_place()) == ("0001", None)


def test_a_fault_that_cannot_be_put_in_leaves_nothing_behind(
    scenario: Scenario, versions: ConfigVersions, tmp_path: Path
) -> None:
    history = History(tmp_path / "g")
    wrong = replace(scenario, fault=replace(scenario.fault, key="no.such"))
    with pytest.raises(OpsctlError):
        play(wrong, Script(versions), history, {"c": versions}, lambda _: None)
    assert (versions.current, history.fault_in_place()) == ("0001", None)


def test_a_wrong_scenario_is_refused_with_its_line_and_a_mistyped_name_with_the_right_one(tmp_path: Path) -> None:
    text = "name: a\ntitle: t\nalert: A\nfault: {kind: htp}\nfigure: {name: f, query: q, broken: '< 1', recovered: '> 1'}\n"
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(DocumentError, match=r"a.yml:4: fault.kind: .*did you mean 'http'"):
        load_scenarios(tmp_path, {})
    (tmp_path / "a.yml").write_text(text.replace("htp", "http").replace("'< 1'", "'about 1'"))
    with pytest.raises(DocumentError, match=r"a.yml:5: figure.broken: not a condition"):
        load_scenarios(tmp_path, {})
    (tmp_path / "a.yml").write_text(text.replace("htp", "http"))
    with pytest.raises(UsageError) as caught:
        chosen(load_scenarios(tmp_path, {}), "aa")
    assert "'a'" in caught.value.hint
