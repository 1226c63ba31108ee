"""kill -9 of each shell process while the whole product runs: DESIGN's guarantees, counted.

Supervisor brings the process back; everything is done and looked at through the commands and APIs of the product.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.e2e.armed import armed
from tests.e2e.outside import TARGETS, Outside, Served
from tests.e2e.stack import Stack
from tests.servers import wait_for

ALERTS = 3
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    made = Outside()
    made.robots.most = 1_000_000  # the robots' limit is another test's
    made.robots.delay = 0.12  # the robot has the message, its answer is under way
    made.slow = 0.2  # target 0 is always in the middle of an answer
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def product(stack: Stack, outside: Outside) -> Iterator[Stack]:
    with armed(stack, outside):
        wait_for(lambda: len(outside.served) > 2 * TARGETS, 20, "the tests' own targets are scraped")
        yield stack


@pytest.mark.campaign
def test_metrics_loses_at_most_two_scrapes_and_no_alert_ends(
    product: Stack, outside: Outside, seed: int, rounds: int
) -> None:
    dice = random.Random(seed)
    wait_for(lambda: _told(outside, "E2EAlways"), 30, "the alert of the tests' own rule")
    began, since = time.time(), _active_since(product)
    told = len(_told(outside, "E2EAlways"))
    killed = []
    for _ in range(rounds):
        time.sleep(dice.uniform(3.0, 5.0))
        killed.append(product.kill("metrics"))
        product.back("metrics")
    time.sleep(3.0)
    ended = time.time()
    time.sleep(2.0)
    span = ended - began + 60
    held, refused = _held(product, outside.port, span), _failed(product, outside.port, span)
    for target in range(TARGETS):
        served = [s for s in outside.served if s.target == target and began <= s.at <= ended]
        missing = {s.number for s in served if not _refused(s, refused[target])} - held[target]
        print(f"target {target}: {len(served)} scrapes answered, {len(missing)} lost in {rounds} kills")
        may = {s.number for at in killed for s in _last_two(served, at)}
        assert missing <= may, f"target {target}: lost {sorted(missing)}, of which at most {sorted(may)} may be"
    assert _active_since(product) == since  # `for` and the start of what fires outlive the kill
    assert len(_told(outside, "E2EAlways")) == told  # and nobody is told that it ended, or told again


@pytest.mark.campaign
def test_every_accepted_alert_is_delivered(product: Stack, outside: Outside, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    before = len(outside.robots.taken)
    ends = time.time() + 3600
    for number in range(rounds):
        post(product, ends, *(f"E2E{seed}-{number}-{n}" for n in range(ALERTS)))
        time.sleep(dice.uniform(0.0, 0.4))
        product.kill("alerting")
        product.back("alerting")
    wanted = {f"E2E{seed}-{k}-{n}" for k in range(rounds) for n in range(ALERTS)}
    wait_for(lambda: all(_told(outside, name) for name in wanted), 30, "every alert on the phone")
    wait_for(lambda: not product.json("deliveries", "list", "--status", "pending"), 30, "nothing on its way")
    taken = [m for m in outside.robots.taken[before:] if f"E2E{seed}-" in m.text]
    copies = Counter(m.body["msgUuid"] for m in taken)
    print(f"{len(wanted)} alerts in {len(copies)} messages, {sum(copies.values()) - len(copies)} repeated")
    assert sum(copies.values()) - len(copies) <= rounds, copies
    marked = {d["id"] for d in product.json("deliveries", "list", "--limit", "1000") if d["possiblyRepeated"]}
    assert {int(key.split("-")[1]) for key, count in copies.items() if count > 1} <= marked
    _end(product, wanted)


@pytest.mark.campaign
def test_incidents_are_neither_doubled_nor_forgotten(product: Stack, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    names = [f"Incident{seed}-{n}" for n in range(rounds)]
    for name in names:
        post(product, time.time() + 3600, name)
        time.sleep(dice.uniform(0.0, 1.5))
        product.kill("ops")
        product.back("ops")
    wait_for(lambda: {*names} <= {*_incidents(product)}, 20, "an incident for each alert")
    _end(product, set(names))
    wait_for(lambda: all(_incidents(product)[n][0]["state"] == "closed" for n in names), 30, "all incidents closed")
    for name in names:
        assert len(_incidents(product)[name]) == 1
        timeline = product.json("incidents", "show", str(_incidents(product)[name][0]["id"]))["timeline"]
        kinds = Counter(m["kind"] for m in timeline)
        assert (kinds["fired"], kinds["resolved"], kinds["closed"]) == (1, 1, 1), timeline
        assert len({(m["kind"], m["at"], m["text"]) for m in timeline}) == len(timeline)


@pytest.mark.campaign
def test_a_runbook_step_is_done_once_or_unknown(product: Stack, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    first, slow = product.home / "e2e-note.log", product.home / "e2e-slow.log"
    outcomes: Counter[str] = Counter()
    for number in range(1, rounds + 1):
        run = product.json("runbook", "run", "e2e-slow", "--param", f"line={number}", "--no-wait")["id"]
        time.sleep(dice.uniform(0.0, 1.2))
        product.kill("ops")
        product.back("ops")
        wait_for(lambda r=run: _run(product, r)["status"] != "running", 30, "the run has ended or waits")
        found = _run(product, run)
        assert found["status"] in ("done", "unknown"), found
        outcomes[found["status"]] += 1
        while found["status"] == "unknown":
            product.opsctl("runbook", "resume", run, "--as-done", "--json")
            found = _run(product, run)
        assert found["status"] == "done"
        assert _lines(first) <= number
        assert _lines(slow) <= number
    print(f"{rounds} runs killed: {dict(outcomes)}; {_lines(first)} and {_lines(slow)} lines written")


@pytest.mark.campaign
def test_a_half_made_backup_is_never_listed(product: Stack, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    product.json("backup", "run")
    whole = 0
    for _ in range(rounds):
        before = _snapshots(product)
        command = [sys.executable, "-m", "opsctl", "backup", "run", "--json"]
        with subprocess.Popen(command, cwd=product.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            time.sleep(dice.uniform(0.5, 2.0))
            product.kill("ops")
            assert child.stdout is not None
            said = child.stdout.read()
        product.back("ops")
        done = json.loads(said)["snapshot"]["id"] if child.returncode == 0 else None
        whole += done is not None
        after = _snapshots(product)
        assert before <= after
        assert done is None or done in after
        assert product.json("backup", "verify")["ok"]
    assert product.json("backup", "drill")["ok"]
    assert list((product.home / "backups" / "scratch").iterdir()) == []
    print(f"{rounds} backups killed, {whole} of them were done before; {len(_snapshots(product))} listed, all whole")


def test_all_is_well_afterwards(product: Stack) -> None:
    assert {p["name"] for p in product.json("status")["processes"] if not p["healthy"]} == set()
    assert product.opsctl("audit", "--verify").returncode == 0


def _last_two(served: list[Served], at: float) -> list[Served]:
    return [s for s in served if s.at <= at][-2:]


def _held(product: Stack, port: int, seconds: float) -> dict[int, set[int]]:
    """The numbers in the store, by target; each stands there once. Other tests had such targets on other ports."""
    found = product.json("query", f'e2e_scrapes{{instance="127.0.0.1:{port}"}}[{round(seconds)}s]')["result"]
    values = {int(r["metric"]["target"]): [int(v) for _, v in r["values"]] for r in found}
    assert all(len(set(numbers)) == len(numbers) for numbers in values.values())
    return {target: set(numbers) for target, numbers in values.items()}


def _failed(product: Stack, port: int, seconds: float) -> dict[int, list[float]]:
    """When a scrape failed (a time-out on a busy machine), by target: shown as such, so nothing is lost unseen."""
    found = product.json("query", f'up{{job=~"e2e-.*",instance="127.0.0.1:{port}"}}[{round(seconds)}s]')["result"]
    return {int(r["metric"]["target"]): [float(t) for t, v in r["values"] if v == "0"] for r in found}


def _refused(served: Served, failed: list[float]) -> bool:
    return any(-0.5 <= served.at - at <= 1.0 for at in failed)


def _active_since(product: Stack) -> str:
    """When the alert of the tests' own rule became active; asked of the metrics process."""
    alerts = requests.get(f"{product.url(8401)}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
    since: str = next(a["activeAt"] for a in alerts if a["labels"]["alertname"] == "E2EAlways")
    return since


def _told(outside: Outside, name: str) -> list[Any]:
    return [m for m in outside.robots.taken if name in m.text]


def post(product: Stack, ends: float, *names: str) -> None:
    """Alerts as a Prometheus posts them; each is answered with 200, so each is accepted."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
    labels = [{"alertname": name, "severity": "warning", "team": "e2e", "service": "e2e"} for name in names]
    body = [{"labels": each, "annotations": {"summary": each["alertname"]}, "endsAt": at} for each in labels]
    answer = requests.post(f"{product.url(8402)}/api/v2/alerts", json=body, timeout=10)
    assert answer.status_code == 200, answer.text


def _end(product: Stack, names: set[str]) -> None:
    post(product, time.time() - 1, *sorted(names))


def _incidents(product: Stack) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in product.json("incidents", "list", "--limit", "1000"):
        found.setdefault(each["key"]["alertname"], []).append(each)
    return found


def _run(product: Stack, run: str) -> dict[str, Any]:
    found: dict[str, Any] = product.json("runbook", "status", run)
    return found


def _lines(file: Any) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def _snapshots(product: Stack) -> set[str]:
    return {s["id"] for s in product.json("backup", "list")}
