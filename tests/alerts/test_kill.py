"""kill -9 in the middle of delivery: nothing is missing, one message per channel and kill may repeat, and says so."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from typing import Any

import pytest

from tests.alerts.conftest import DINGTALK, HOOK, WECOM, config
from tests.alerts.robots import Robots
from tests.alerts.running import until

ALERTS = 3
DIGESTS = DINGTALK.replace("secret: {secret}", "secret: {secret}, rate_per_minute: 40")
QUICK = DINGTALK.replace("secret: {secret}", "secret: {secret}, rate_per_minute: 10000")


@pytest.mark.campaign
async def test_kill_in_the_middle_of_delivery(robots: Robots, start: Any, seed: int, rounds: int) -> None:
    moments = random.Random(seed)
    robots.most = 10_000  # the rate is another test's
    robots.delay = 0.12  # the robot has the message, its answer is under way
    alerting = await start(config(robots, QUICK, group_wait="0s"))
    for number in range(rounds):
        names = [{"alertname": f"A{number}-{n}", "severity": "critical"} for n in range(ALERTS)]
        await asyncio.to_thread(alerting.fire, *names)
        await asyncio.sleep(moments.uniform(0, 0.35))
        await asyncio.to_thread(alerting.kill)
        await asyncio.to_thread(alerting.start)
    wanted = {f"A{k}-{n}" for k in range(rounds) for n in range(ALERTS)}
    await until(lambda: wanted <= told(robots), 10, f"missing: {wanted - told(robots)}")
    await until(lambda: alerting.metric("opsctl_deliveries_pending") == 0)
    copies = Counter(m.body["msgUuid"] for m in robots.taken)
    repeated = {key for key, count in copies.items() if count > 1}
    assert sum(copies.values()) - len(copies) <= rounds, copies
    rows = await asyncio.to_thread(alerting.get, "/api/opsctl/v1/deliveries", limit=1000)
    marked = {d["id"] for d in rows if d["possiblyRepeated"]}
    assert {int(key.split("-")[1]) for key in repeated} <= marked
    assert len(marked) <= rounds
    assert {d["status"] for d in rows} == {"sent"}


@pytest.mark.campaign
async def test_kill_in_a_storm_of_digests_resolves_and_acknowledgements(
    robots: Robots, start: Any, seed: int, rounds: int
) -> None:
    """Three channels at once; printed: messages, digests, repeats by channel."""
    moments = random.Random(seed)
    robots.most, robots.delay = 10_000, 0.08
    receivers = f"{DIGESTS}\n{WECOM.replace('key: {key}', 'key: {key}, rate_per_minute: 10000')}\n{HOOK}"
    alerting = await start(config(robots, receivers, group_wait="0s", group_interval="500ms"))
    fired: list[dict[str, str]] = []
    for number in range(rounds):
        storm = [
            {"alertname": f"A{number}-{n}", "instance": f"h{n}", "severity": "warning"}
            for n in range(moments.randint(1, 30))
        ]
        await asyncio.to_thread(alerting.fire, *storm)
        await asyncio.to_thread(_acknowledge, alerting, storm[0])
        over = moments.sample(fired, len(fired) // 2)
        if over:
            await asyncio.to_thread(alerting.fire, *over, ends=time.time())
        fired = [a for a in fired if a not in over] + storm
        await asyncio.sleep(moments.uniform(0, 0.6))
        await asyncio.to_thread(alerting.kill)
        await asyncio.to_thread(alerting.start)
    await until(lambda: alerting.metric("opsctl_deliveries_pending") == 0, 100, "everything is sent")
    await until(lambda: not _missing(robots, fired), 100, "nothing is missing")
    rows = await asyncio.to_thread(_log, alerting)
    assert {d["status"] for d in rows} <= {"sent", "superseded"}
    repeats = {
        "dingtalk": _repeats([m.body["msgUuid"] for m in robots.of("dingtalk")]),
        "wecom": _repeats([m.text.partition("/links/")[0] for m in robots.of("wecom")]),
    }
    digests = sum(1 for d in rows if d["cause"].startswith("digest"))
    print(f"{rounds} rounds, seed {seed}: {len(robots.taken)} messages, {digests} digests, repeats {repeats}")
    assert all(count <= rounds for count in repeats.values()), repeats
    assert sum(1 for d in rows if d["possiblyRepeated"] and "/dingtalk/" in d["integration"]) >= repeats["dingtalk"]


def _acknowledge(alerting: Any, labels: dict[str, str]) -> None:
    (found,) = alerting.get("/api/v2/alerts", filter=f'alertname="{labels["alertname"]}"')
    alerting.post(f"/api/opsctl/v1/alerts/{found['fingerprint']}/ack", {"who": "刘洋"})


def _log(alerting: Any) -> list[dict[str, Any]]:
    """The whole delivery log, page by page."""
    rows: list[dict[str, Any]] = []
    while page := alerting.get("/api/opsctl/v1/deliveries", limit=1000, before=rows[-1]["id"] if rows else 0):
        rows += page
    return rows


def _missing(robots: Robots, fired: list[dict[str, str]]) -> set[str]:
    """Firing alerts that one of the channels has not named."""
    wanted = {a["alertname"] for a in fired}
    hooked = {a["labels"]["alertname"] for w in robots.webhooks for a in w["alerts"]}
    missing = wanted - hooked
    for channel in ("dingtalk", "wecom"):
        missing |= wanted - set(re.findall(r"A\d+-\d+", "\n".join(m.text for m in robots.of(channel))))
    return missing


def _repeats(keys: list[str]) -> int:
    return len(keys) - len(set(keys))


def told(robots: Robots) -> set[str]:
    return {word for m in robots.taken for word in m.text.split() if word.startswith("A") and "-" in word}


async def test_what_was_answered_with_200_outlives_a_kill_at_once(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, HOOK, group_wait="1s"))
    await asyncio.to_thread(alerting.fire, *({"alertname": "A", "n": str(n)} for n in range(500)))
    await asyncio.to_thread(alerting.kill)
    await asyncio.to_thread(alerting.start)
    assert len(await asyncio.to_thread(alerting.get, "/api/v2/alerts")) == 500
    await until(lambda: robots.webhooks, 5)
    assert len(robots.webhooks[0]["alerts"]) == 500
