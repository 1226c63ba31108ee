"""kill -9 in the middle of delivery: nothing is missing, one message per channel and kill may repeat, and says so."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from tests.alerts.conftest import DINGTALK, HOOK, config
from tests.alerts.robots import Robots
from tests.alerts.running import until

ALERTS = 3
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
