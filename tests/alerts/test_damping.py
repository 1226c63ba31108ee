"""Flapping alerts: told as flapping once, then again when they have come to rest."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from opsctl.alerts.damping import Damper, Flapping
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from tests.alerts.conftest import DINGTALK, config
from tests.alerts.robots import Robots
from tests.alerts.running import until

RULE = Flapping(times=3, within=100.0, calm=50.0, severities=("warning",))


def alert(ends: float | None = None, severity: str = "warning") -> Alert:
    return Alert(
        labels=Labels({"alertname": "A", "severity": severity}), annotations=Labels(), starts_at=0.0, ends_at=ends
    )


def flap(damper: Damper, *times: float, severity: str = "warning") -> None:
    for now in times:
        damper.see(alert(severity=severity), alert(ends=now - 1, severity=severity), now)


def test_it_flaps_from_the_third_time_within_the_time() -> None:
    damper = Damper(RULE)
    damper.see(alert(), None, 0.0)
    flap(damper, 10.0)
    assert damper.flapping("g", [alert()], 10.0) == ()
    flap(damper, 20.0)
    assert damper.flapping("g", [alert()], 20.0) == ((alert().fingerprint, 3),)
    assert damper.flapping("g", [alert()], 115.0) == ()  # the first is too long ago


def test_what_was_told_is_held_until_it_is_still_or_due_for_a_repeat() -> None:
    damper = Damper(RULE)
    flap(damper, 10.0, 20.0, 30.0)
    assert damper.held("g", [alert()], 30.0, 1000.0) == frozenset()
    damper.announced("g", damper.flapping("g", [alert()], 30.0), 30.0)
    assert damper.flapping("g", [alert()], 31.0) == ()
    assert damper.held("g", [alert()], 79.0, 1000.0) == {alert().fingerprint}
    assert damper.held("other", [alert()], 79.0, 1000.0) == frozenset()
    flap(damper, 75.0)
    assert damper.held("g", [alert(ends=90.0)], 130.0, 1000.0) == {alert().fingerprint}
    assert damper.held("g", [alert()], 130.0, 99.0) == frozenset()
    damper.announced("g", [(alert().fingerprint, 4)], 131.0)
    assert damper.held("g", [alert(ends=140.0)], 191.0, 1000.0) == frozenset()


def test_the_critical_is_never_damped_unless_said() -> None:
    damper = Damper(RULE)
    flap(damper, 10.0, 20.0, 30.0, severity="critical")
    assert damper.flapping("g", [alert(severity="critical")], 30.0) == ()
    off = Damper(Flapping(times=0))
    flap(off, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert off.flapping("g", [alert()], 6.0) == ()


async def test_one_message_says_that_it_flaps_and_one_that_it_is_over(robots: Robots, start: Any) -> None:
    damped = "flapping: {times: 3, within: 1m, calm: 3s, severities: [warning]}"
    alerting = await start(config(robots, DINGTALK, damped, group_wait="0s", group_interval="100ms"))
    labels = {"alertname": "Flaps", "severity": "warning"}
    for _ in range(7):
        await asyncio.to_thread(alerting.fire, labels)
        await asyncio.sleep(0.25)
        await asyncio.to_thread(alerting.fire, labels, ends=time.time())
        await asyncio.sleep(0.25)
    assert ["频繁抖动" in m.text for m in robots.taken] == [False, False, False, False, True]
    assert "近期触发 3 次" in robots.taken[-1].text
    assert alerting.metric('alertmanager_notifications_suppressed_total{reason="flapping"}') > 0
    await until(lambda: len(robots.taken) == 6, 8)
    assert "已恢复" in robots.taken[-1].text
    await asyncio.sleep(1)
    assert len(robots.taken) == 6
