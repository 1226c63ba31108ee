"""A storm: many alerts, one robot that takes 20 messages a minute and is mute for ten after one too many."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest

from tests.alerts.conftest import DINGTALK, WECOM, config
from tests.alerts.robots import Robots
from tests.alerts.running import Running, until


def storm(count: int, severity: str = "warning") -> list[dict[str, str]]:
    """Alerts of as many groups."""
    return [
        {"alertname": f"A{n}", "service": f"s{n}", "instance": f"host-{n}:9100", "severity": severity}
        for n in range(count)
    ]


async def rage(alerting: Running, alerts: list[dict[str, str]], seconds: float, **more: Any) -> float:
    """Posts alerts spread over some seconds; returns when it began."""
    began, steps = time.time(), 20
    size = -(-len(alerts) // steps)
    for n in range(steps):
        await asyncio.to_thread(alerting.fire, *alerts[n * size : (n + 1) * size], **more)
        await asyncio.sleep(max(0.0, began + (n + 1) * seconds / steps - time.time()))
    return began


def unnamed(robots: Robots, channel: str, alerts: list[dict[str, str]]) -> list[str]:
    """Of which alerts no message of a channel shows name and instance."""
    told = "\n".join(m.text for m in robots.of(channel))
    words = set(re.findall(r"\bA\d+\b|host-\d+:9100", told))
    return [a["alertname"] for a in alerts if not {a["alertname"], a["instance"]} <= words]


@pytest.mark.parametrize(("receiver", "channel"), [(DINGTALK, "dingtalk"), (WECOM, "wecom")])
async def test_every_alert_of_a_storm_is_named(robots: Robots, start: Any, receiver: str, channel: str) -> None:
    alerting = await start(config(robots, receiver, group_by="[service]"))
    alerts = storm(200)
    await rage(alerting, alerts, 1.0)
    await until(lambda: robots.taken, 2)
    await until(lambda: len(robots.of(channel)) >= 2 and not unnamed(robots, channel, alerts), 30)
    assert robots.refusals == []
    assert len(robots.taken) <= 11  # of 18 a minute seven are kept for critical alerts
    worst = {"alertname": "Worst", "service": "pay", "severity": "critical", "instance": "db"}
    await asyncio.to_thread(alerting.fire, worst)
    await until(lambda: any("Worst" in m.text for m in robots.taken), 10, "a critical alert is not held up")
    await until(lambda: alerting.metric("opsctl_deliveries_pending") == 0)
    rows = await asyncio.to_thread(alerting.get, "/api/opsctl/v1/deliveries", limit=1000)
    assert {d["status"] for d in rows} == {"sent", "superseded"}
    await asyncio.to_thread(alerting.kill)
    await asyncio.to_thread(alerting.start)
    count = len(robots.taken)
    await rage(alerting, alerts, 0.5, ends=time.time())
    await until(lambda: any("恢复" in m.text for m in robots.taken[count:]), 30)
    assert robots.refusals == []  # what was sent before the kill still counts


async def test_critical_alerts_of_a_storm_wait_no_longer_than_a_pulse(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, DINGTALK, group_by="[service]"))
    posted: dict[str, float] = {}
    began, quiet, worst = time.time(), storm(150), storm(180, "critical")[150:]
    for n in range(30):
        for each in (*quiet[n * 5 : n * 5 + 5], worst[n]):
            posted[each["alertname"]] = time.time()
        await asyncio.to_thread(alerting.fire, *quiet[n * 5 : n * 5 + 5], worst[n])
        await asyncio.sleep(max(0.0, began + (n + 1) * 0.5 - time.time()))
    await until(lambda: not unnamed(robots, "dingtalk", worst), 10, "every critical alert is named")
    for each in worst:
        name = each["alertname"]
        first = next(m.at for m in robots.taken if re.search(rf"\b{name}\b", m.text))
        assert first - posted[name] < 12, (name, first - posted[name])  # a pulse is under 9 s; the rest is this machine
    assert robots.refusals == []


async def test_two_robots_share_the_load_and_one_stands_in_for_the_other(robots: Robots, start: Any) -> None:
    shared = (
        "    dingtalk_configs: [{{api_url: '{url}', robots: [{{access_token: {token}, secret: {secret}}},"
        " {{access_token: {token}2, secret: {secret}}}]}}]"
    )
    alerting = await start(config(robots, shared, group_by="[service]"))
    robots.answers["dingtalk2"] = (130101, "send too fast")
    await rage(alerting, storm(6), 0.1)
    await until(lambda: not unnamed(robots, "dingtalk", storm(6)), 20)
    robots.answers.clear()
    assert robots.refusals == [130101]
    (receiver,) = await asyncio.to_thread(alerting.get, "/api/opsctl/v1/receivers")
    assert (receiver["integrations"][0]["robots"], receiver["integrations"][0]["restSeconds"]) == (2, 0)


async def test_a_standby_takes_over_while_the_robot_rests_and_says_so(robots: Robots, start: Any) -> None:
    standby = WECOM.replace("key: {key}", "key: {key}, standby: true")
    alerting = await start(config(robots, f"{DINGTALK}\n{standby}"))
    await asyncio.to_thread(alerting.fire, {"alertname": "Before"})
    await until(lambda: robots.of("dingtalk"))
    robots.answers["dingtalk"] = (130101, "send too fast")
    await asyncio.to_thread(alerting.fire, {"alertname": "After", "instance": "h1"})
    await until(lambda: robots.of("wecom"))
    assert "钉钉暂时无法送达" in robots.of("wecom")[0].text
    assert "由企业微信代发" in robots.of("wecom")[0].text
    assert not any("Before" in m.text for m in robots.of("wecom"))
    rows = await asyncio.to_thread(alerting.get, "/api/opsctl/v1/deliveries")
    taken, by = next((a, b) for a in rows for b in rows if a["supersededBy"] == b["id"])
    assert (taken["status"], by["status"]) == ("superseded", "sent")
    await asyncio.sleep(1.5)  # a flush later the robot counts as told
    assert len(robots.of("wecom")) == 1
    robots.answers.clear()
    await asyncio.to_thread(alerting.kill)
    await asyncio.to_thread(alerting.start)
    await asyncio.to_thread(alerting.fire, {"alertname": "After", "instance": "h1"}, ends=time.time())
    await until(lambda: any("已恢复" in m.text for m in robots.of("wecom")))  # the robot still rests


async def test_a_standby_takes_over_what_is_refused_for_good(robots: Robots, start: Any) -> None:
    standby = WECOM.replace("key: {key}", "key: {key}, standby: true")
    alerting = await start(config(robots, f"{DINGTALK.replace('{secret}', 'wrong')}\n{standby}"))
    await asyncio.to_thread(alerting.fire, {"alertname": "A"})
    await until(lambda: robots.of("wecom"))
    assert "sign not match" in robots.of("wecom")[0].text
    statuses = await asyncio.to_thread(lambda: sorted(d["status"] for d in alerting.get("/api/opsctl/v1/deliveries")))
    assert statuses == ["failed", "sent"]  # the failed one is kept for a retry by hand
