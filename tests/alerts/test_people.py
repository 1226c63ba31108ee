"""Channels that write to people one by one: one who cannot be reached keeps nothing from the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.alerts.conftest import APP, FEISHU, SMS, config
from tests.alerts.robots import Robots
from tests.alerts.running import until
from tests.alerts.test_process import run


@pytest.mark.parametrize(
    ("receiver", "channel", "first", "second", "said"),
    [
        (APP, "wecom_app", "zhang", "li", "81013"),
        (SMS, "aliyun_sms", "13800000001", "13800000002", "isv.MOBILE_NUMBER_ILLEGAL"),
    ],
)
async def test_one_is_refused_the_other_is_told(
    receiver: str, channel: str, first: str, second: str, said: str, robots: Robots, start: Any
) -> None:
    robots.invalid = first
    alerting = await start(config(robots, receiver))
    await run(alerting.fire, {"alertname": "A", "severity": "critical"}, summary="支付失败")
    await until(lambda: [m.to for m in robots.of(channel)] == [second])
    (row,) = await until(lambda: [d for d in alerting.get("/api/opsctl/v1/deliveries") if d["status"] == "failed"])
    assert said in row["reason"]
    robots.invalid = ""
    robots._windows.clear()  # the phone's minute is over
    assert (await run(alerting.post, f"/api/opsctl/v1/deliveries/{row['id']}/retry")).status_code == 202
    if channel == "wecom_app":
        await until(lambda: [m.to for m in robots.of(channel)] == [second, first, second])


async def test_sms_keeps_to_one_a_minute_for_each_phone(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, SMS, group_wait="0s"))
    for n in range(4):
        await run(alerting.fire, {"alertname": f"A{n}", "severity": "critical"}, summary=f"第{n}条")
        await asyncio.sleep(0.1)
    await until(lambda: len(robots.taken) == 2)
    await asyncio.sleep(1.0)
    assert [m.to for m in robots.taken] == ["13800000001", "13800000002"]
    assert robots.refusals == []
    assert alerting.metric("opsctl_deliveries_pending") == 3


async def test_feishu_shows_a_card_and_its_end(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, FEISHU))
    await run(alerting.fire, {"alertname": "A", "severity": "warning"}, summary="坏了")
    await until(lambda: robots.of("feishu"))
    await run(alerting.fire, {"alertname": "A", "severity": "warning"}, ends=1.0, starts=0.5, summary="坏了")
    await until(lambda: len(robots.of("feishu")) == 2)
    assert [m.body["card"]["header"]["template"] for m in robots.of("feishu")] == ["orange", "green"]
    assert robots.refusals == []
