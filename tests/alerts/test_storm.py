"""A storm: many alerts, one robot that takes 20 messages a minute. Not one refusal, and the worst goes first."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.alerts.conftest import DINGTALK, config
from tests.alerts.robots import Robots
from tests.alerts.running import until


async def test_two_hundred_alerts_to_one_robot(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, DINGTALK, group_by="[service]"))
    alerts = [
        {"alertname": f"A{n}", "service": f"s{n % 40}", "instance": f"host-{n}:9100", "severity": "warning"}
        for n in range(200)
    ]
    for first in range(0, 200, 20):
        await asyncio.to_thread(alerting.fire, *alerts[first : first + 20])
    await until(lambda: len(robots.taken) >= 14, 5)
    await asyncio.sleep(1.5)
    assert len(robots.taken) == 15  # of 18 a minute three are kept for critical alerts
    await asyncio.to_thread(alerting.fire, {"alertname": "Worst", "service": "pay", "severity": "critical"})
    await until(lambda: any("Worst" in m.text for m in robots.taken), 2, "a critical alert is not held up")
    assert robots.refusals == []
    assert alerting.metric("opsctl_deliveries_pending") == 25
    await asyncio.to_thread(alerting.kill)
    await asyncio.to_thread(alerting.start)
    await asyncio.sleep(1.0)
    assert len(robots.taken) == 16  # what was sent before the kill still counts
    assert robots.refusals == []
