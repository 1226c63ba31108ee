"""What a newcomer does: up, status, a gameday, and looks."""

from __future__ import annotations

import json
import time

import pytest
import requests

from tests.e2e.stack import Stack

SCENARIOS = ("payment-outage", "service-down", "database-locked", "storage-filling", "bad-configuration")


def test_status_is_well_and_memory_is_bounded(stack: Stack) -> None:
    found = stack.json("status")
    assert found["ok"]
    assert found["resident_bytes"] < 1.5e9
    assert {"edge", "orders", "payments", "metrics", "alerting", "ops", "dashboards"} <= {
        p["name"] for p in found["processes"]
    }


def test_up_again_is_harmless(stack: Stack) -> None:
    before = {p["name"]: p["pid"] for p in stack.json("status")["processes"]}
    assert stack.json("up")["already"]
    assert {p["name"]: p["pid"] for p in stack.json("status")["processes"]} == before


def test_every_target_is_scraped(stack: Stack) -> None:
    deadline = time.monotonic() + 40
    while True:
        targets = stack.opsctl("targets", "list", "--json")
        if targets.returncode == 0 and all(t["health"] == "up" for t in json.loads(targets.stdout)):
            break
        assert time.monotonic() < deadline, targets.stdout
        time.sleep(1)


def test_the_seeded_days_are_in_the_store(stack: Stack) -> None:
    now = time.time()
    query = {"query": "business_orders_created_day", "start": now - 50 * 86_400, "end": now, "step": 3600}
    url = f"{stack.url(8400)}/api/v1/query_range"
    answer = requests.get(url, params=query, headers=stack.as_role("viewer"), timeout=30).json()
    values = [float(v) for _, v in answer["data"]["result"][0]["values"]]
    assert len(values) > 49 * 24
    assert max(values) > 50


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_gameday_is_detected_delivered_and_recovered(stack: Stack, scenario: str) -> None:
    done = stack.opsctl("gameday", "run", scenario, "--json", timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_api_wants_a_token_and_a_role(stack: Stack) -> None:
    url = f"{stack.url(8400)}/api/opsctl/v1/reload"
    assert requests.post(url, timeout=10).status_code == 401
    refused = requests.post(url, headers=stack.as_role("viewer"), timeout=10)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")


def test_unsafe_calls_are_in_the_audit_log(stack: Stack) -> None:
    assert all(v == "ok" for v in stack.json("reload").values())
    rows = stack.json("audit")
    assert any(r["target"] == "/api/opsctl/v1/reload" and r["who"] == "local-operator" for r in rows)
    assert stack.opsctl("audit", "--verify").returncode == 0
