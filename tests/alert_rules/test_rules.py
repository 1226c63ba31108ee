"""The rules: taken by Debian's promtool, each alert proven to fire and to stay silent, each message complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import need

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "alert_rules").glob("*.yml"))
TESTS = sorted((ROOT / "alert_rules" / "tests").glob("*.yml"))
RUNBOOKS = {path.stem for path in (ROOT / "runbooks").glob("*.yml")}


def _groups(path: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(path.read_text())["groups"]
    return groups


def _alerts() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in _groups(path) for rule in group["rules"] if "alert" in rule]


def _proofs() -> list[tuple[str, bool]]:
    tests = [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test.get("alert_rule_test", ())]


def test_promtool_takes_every_rule_file_and_the_configuration() -> None:
    promtool = need("promtool")
    checks: list[list[str | Path]] = [["rules", *RULES], ["config", ROOT / "deploy/local/prometheus.yml"]]
    for check in checks:
        done = subprocess.run([promtool, "check", *check], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_unit_tests_pass_promtool(path: Path) -> None:
    done = subprocess.run([need("promtool"), "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_unit_tests_pass_our_own_language() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", "rules", "test", *TESTS], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_are_unique_and_each_alert_is_proven_both_ways() -> None:
    names = [alert["alert"] for alert in _alerts()]
    assert len(names) == len(set(names)) > 100
    proofs = _proofs()
    assert {name for name in names if (name, True) not in proofs} == set()
    assert {name for name in names if (name, False) not in proofs} == {"Watchdog"}
    assert {name for name, _ in proofs} <= set(names)


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: str(alert["alert"]))
def test_a_message_says_who_what_and_what_to_do(alert: dict[str, Any]) -> None:
    labels, annotations = alert["labels"], alert["annotations"]
    assert labels["team"]
    assert labels["severity"] in ("critical", "warning", "info") or labels["severity"].startswith("{{ if")
    for name in ("summary", "description"):
        chinese, slash, english = annotations[name].partition(" / ")
        assert slash
        assert re.search(r"[一-鿿]", chinese)
        assert re.search(r"[a-z]{3}", english)
    assert annotations["runbook"] in RUNBOOKS


def test_runbooks_parse_and_name_their_alerts_back() -> None:
    """`opsctl runbook check` takes them all; each says in `alerts` exactly which alerts send people to it."""
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", "runbook", "check", ROOT / "runbooks"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    called: dict[str, set[str]] = {name: set() for name in RUNBOOKS}
    for alert in _alerts():
        called[alert["annotations"]["runbook"]].add(alert["alert"])
    named = {name: set(yaml.safe_load((ROOT / f"runbooks/{name}.yml").read_text())["alerts"]) for name in RUNBOOKS}
    assert named == called
    assert all(called.values())


def test_each_recording_rule_is_used_and_none_is_written_twice() -> None:
    """By another rule, a runbook, or a page: a series that nobody reads only costs."""
    rules = [rule for path in RULES for group in _groups(path) for rule in group["rules"]]
    recorded = [(rule["record"], tuple(sorted(rule.get("labels", {}).items()))) for rule in rules if "record" in rule]
    assert len(recorded) == len(set(recorded))
    readers = [rule["expr"] for rule in rules]
    for folder, kind in (("runbooks", "*.yml"), ("dashboards", "*.py"), ("opsctl", "*.py")):
        readers += [path.read_text() for path in (ROOT / folder).rglob(kind)]
    text = "\n".join(readers)
    assert {name for name, _ in recorded if not re.search(rf"{re.escape(name)}(?![\w:])", text)} == set()


def test_groups_have_names_of_their_own() -> None:
    names = [group["name"] for path in RULES for group in _groups(path)]
    assert len(names) == len(set(names))


def test_the_five_scenarios_are_paged_and_have_runbooks() -> None:
    paged = {
        "PaymentFailureRatioHigh": ("payments", "payment-outage"), "ServiceDown": (None, "service-down"),
        "DatabaseLocked": ("platform-db", "database-locked"), "StorageFilling": ("storage", "storage-filling"),
        "ErrorBurst": (None, "bad-configuration"),
    }  # fmt: skip
    found = {alert["alert"]: alert for alert in _alerts()}
    for name, (service, runbook) in paged.items():
        alert = found[name]
        assert alert["labels"]["severity"] == "critical"
        assert alert["labels"].get("service") == service
        assert alert["annotations"]["runbook"] == runbook
        assert int(alert["for"].removesuffix("s")) <= 10
