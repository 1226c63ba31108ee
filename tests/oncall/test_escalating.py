"""The ladder in the running process: pages in order, stops, survives, tells when it is over."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from tests.alerts.conftest import Start
from tests.alerts.robots import Robots
from tests.alerts.running import Running, until

ONCALL = """
people: [{id: chen, name: 陈}, {id: liu, name: 刘}]
schedules: [{name: duty, layers: [{people: [chen], start: 2026-01-01}]}]
policies:
  - name: climb
    steps:
      - {notify: ["schedule:duty"], wait: 2s}
      - {notify: [liu], wait: 2s}
      - {notify: [everyone], wait: 2s}
"""


def config(robots: Robots, oncall: str = "policy: climb") -> str:
    return (
        "route: {receiver: pager, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
        f"receivers:\n  - {{name: pager, oncall_configs: [{{{oncall}, via: [hook]}}]}}\n"
        f"  - {{name: hook, webhook_configs: [{{url: '{robots.url}/hook'}}]}}\n"
    )


async def begin(start: Start, tmp_path: Path, robots: Robots) -> Running:
    (tmp_path / "oncall.yml").write_text(ONCALL, encoding="utf-8")
    return await start(config(robots))


def paged(robots: Robots) -> list[str]:
    """Who was paged, in the order of arrival: the receiver names the person."""
    return [m["receiver"].split("/")[1] + (" over" if m["status"] == "resolved" else "") for m in robots.webhooks]


async def test_it_climbs_until_nobody_is_left(robots: Robots, start: Start, tmp_path: Path) -> None:
    running = await begin(start, tmp_path, robots)
    await asyncio.to_thread(running.fire, {"alertname": "A", "severity": "critical"})
    await until(lambda: len(robots.webhooks) == 4, 15)
    assert paged(robots)[:2] == ["chen", "liu"]
    assert sorted(paged(robots)[2:]) == ["chen", "liu"]
    await asyncio.sleep(3)
    assert len(robots.webhooks) == 4
    (ladder,) = await asyncio.to_thread(running.get, "/api/opsctl/v1/oncall/ladders")
    assert (ladder["status"], ladder["alerts"], len(ladder["paged"])) == ("exhausted", ["A"], 2)
    await asyncio.to_thread(running.fire, {"alertname": "A", "severity": "critical"}, ends=time.time())
    await until(lambda: len(robots.webhooks) == 6)
    assert sorted(paged(robots)[4:]) == ["chen over", "liu over"]


async def test_acknowledging_stops_it_and_taking_back_starts_it_anew(
    robots: Robots, start: Start, tmp_path: Path
) -> None:
    running = await begin(start, tmp_path, robots)
    await asyncio.to_thread(running.fire, {"alertname": "A"})
    await until(lambda: robots.webhooks)
    (alert,) = await asyncio.to_thread(running.get, "/api/opsctl/v1/alerts")
    path = f"/api/opsctl/v1/alerts/{alert['fingerprint']}/ack"
    assert (await asyncio.to_thread(running.post, path, {"who": "陈", "via": "test"})).status_code == 200
    await asyncio.sleep(4)
    assert paged(robots) == ["chen"]
    await asyncio.to_thread(running.delete, path)
    await until(lambda: len(robots.webhooks) >= 2)
    assert paged(robots)[1] == "chen"


async def test_a_killed_ladder_goes_on_where_it_was(robots: Robots, start: Start, tmp_path: Path) -> None:
    running = await begin(start, tmp_path, robots)
    await asyncio.to_thread(running.fire, {"alertname": "A"})
    await until(lambda: len(robots.webhooks) == 1)
    await until(lambda: sent(running) == 1)
    running.kill()
    await asyncio.to_thread(running.start)
    await until(lambda: len(robots.webhooks) == 4, 15)
    assert paged(robots)[:2] == ["chen", "liu"]
    assert sorted(paged(robots)[2:]) == ["chen", "liu"]


def sent(running: Running) -> int:
    return sum(d["status"] == "sent" for d in running.get("/api/opsctl/v1/deliveries"))


async def test_documents_that_do_not_fit_are_refused_on_reload(robots: Robots, start: Start, tmp_path: Path) -> None:
    running = await begin(start, tmp_path, robots)
    for wrong, said in (("policy: clmb", "no policy 'clmb'"), ("schedule: night", "no schedule 'night'")):
        running.write(config(robots, wrong))
        answer: Any = await asyncio.to_thread(running.post, "/-/reload")
        assert answer.status_code == 500
        assert said in answer.text
    running.write(config(robots, "schedule: duty"))
    assert (await asyncio.to_thread(running.post, "/-/reload")).status_code == 200
