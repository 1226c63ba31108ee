"""Quiet hours in the running process: kept until they end, unless it becomes critical; resolved ones are not told."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from opsctl.core.clock import SHANGHAI, parse_iso
from tests.alerts.conftest import Start
from tests.alerts.robots import Robots
from tests.alerts.running import until

CONFIG = (
    "route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}}\n"
    "receivers: [{{name: hook, webhook_configs: [{{url: '{url}/hook'}}]}}]\n"
)


def oncall(end: datetime) -> str:
    begin = end - timedelta(hours=3)
    return f'quiet: [{{hours: [{{from: "{begin:%H:%M}", to: "{end:%H:%M}"}}]}}]\n'


async def test_low_severities_wait_and_critical_ones_do_not(robots: Robots, start: Start, tmp_path: Path) -> None:
    (tmp_path / "oncall.yml").write_text(oncall(datetime.now(SHANGHAI) + timedelta(hours=1)), encoding="utf-8")
    running = await start(CONFIG.format(url=robots.url))
    await asyncio.to_thread(
        running.fire, {"alertname": "Low", "severity": "warning"}, {"alertname": "High", "severity": "critical"}
    )
    await until(lambda: robots.webhooks)
    await asyncio.sleep(2)
    assert [m["groupLabels"]["alertname"] for m in robots.webhooks] == ["High"]
    (kept,) = running.get("/api/opsctl/v1/deliveries", status="pending")
    assert "kept until" in kept["cause"]
    await asyncio.to_thread(running.fire, {"alertname": "Low", "severity": "critical"})
    await until(lambda: len(robots.webhooks) == 2)
    assert len(robots.webhooks[1]["alerts"]) == 2  # what was kept is told with it


async def test_what_was_kept_is_due_when_the_hours_end_and_stays_so_after_a_death(
    robots: Robots, start: Start, tmp_path: Path
) -> None:
    end = datetime.now(SHANGHAI).replace(second=0, microsecond=0) + timedelta(minutes=3)
    (tmp_path / "oncall.yml").write_text(oncall(end), encoding="utf-8")
    running = await start(CONFIG.format(url=robots.url))
    await asyncio.to_thread(running.fire, {"alertname": "A", "severity": "info"})
    await until(lambda: running.get("/api/opsctl/v1/deliveries", status="pending"))
    await asyncio.to_thread(running.kill)
    await asyncio.to_thread(running.start)
    await asyncio.sleep(1)
    (kept,) = running.get("/api/opsctl/v1/deliveries", status="pending")
    assert parse_iso(kept["nextAt"]) == end.timestamp()
    assert not robots.webhooks
