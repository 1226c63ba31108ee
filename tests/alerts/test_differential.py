"""Side by side with Debian's Alertmanager: the same posts, the same webhooks, the same API answers."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.alerts.conftest import HOOK, config
from tests.alerts.robots import Robots
from tests.alerts.running import alert, stamp, until
from tests.servers import free_port, http_ok, need

BINARY = "prometheus-alertmanager"
EXTRA = """
inhibit_rules:
  - {source_matchers: [alertname="Down"], target_matchers: [severity="warning"], equal: [service]}
"""
_TIMES = ("startsAt", "endsAt", "updatedAt")


def text(robots: Robots) -> str:
    routes = (
        "  routes:\n"
        "    - {matchers: ['team=~\"a|b\"'], group_by: [service], continue: true}\n"
        "    - {match: {severity: critical}, group_by: ['...'], group_wait: 400ms}\n"
    )
    return config(robots, HOOK, EXTRA, group_wait="200ms", group_interval="1s").replace(
        "receivers:", routes + "receivers:", 1
    )


@pytest.fixture
async def original(tmp_path: Path) -> AsyncIterator[tuple[str, Robots]]:
    """Alertmanager itself, with robots of its own."""
    binary, robots = need(BINARY), Robots()
    await robots.start()
    folder = tmp_path / "original"
    folder.mkdir()
    (folder / "am.yml").write_text(text(robots))
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [str(binary), f"--config.file={folder}/am.yml", f"--storage.path={folder}/data", f"--web.listen-address={address}",
         "--cluster.listen-address="],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://{address}"
    await until(lambda: http_ok(f"{url}/-/ready"), 15, "alertmanager")
    yield url, robots
    process.terminate()
    await asyncio.to_thread(process.wait, 10)
    await robots.stop()


async def test_same_posts_same_webhooks_same_answers(robots: Robots, start: Any, original: tuple[str, Robots]) -> None:
    ours = (await start(text(robots))).url
    theirs, their_robots = original
    now = round(time.time(), 3)
    firing = [
        alert({"alertname": "Down", "service": "x", "severity": "critical", "team": "a"}, starts=now, summary="中文"),
        alert({"alertname": "Slow", "service": "x", "severity": "warning", "team": "b"}, starts=now),
        alert({"alertname": "Slow", "service": "y", "severity": "warning", "instance": "2", "job": "j"}, starts=now),
        alert({"alertname": "Slow", "service": "z", "severity": "warning", "instance": "1", "job": "j"}, starts=now),
        alert({"alertname": "Slow", "service": "empty", "severity": "warning", "gone": ""}, starts=now),
    ]
    over = [{**firing[0], "endsAt": stamp(now + 0.9)}, {**firing[2], "endsAt": stamp(now + 0.9)}]

    def play() -> None:
        for url in (ours, theirs):
            requests.post(f"{url}/api/v2/alerts", json=firing, timeout=5).raise_for_status()
        for query in (
            "",
            "?filter=service%3D%22x%22",
            "?inhibited=false",
            "?receiver=a.*",
            "?receiver=b",
            "?active=false",
        ):
            assert alerts(ours, query) == alerts(theirs, query), query
        assert groups(ours) == groups(theirs)
        time.sleep(max(0.0, now + 1.0 - time.time()))
        for url in (ours, theirs):
            requests.post(f"{url}/api/v2/alerts", json=over, timeout=5).raise_for_status()
        time.sleep(2.0)
        assert alerts(ours, "") == alerts(theirs, "")
        assert groups(ours) == groups(theirs)

    await asyncio.to_thread(play)
    mine, yours = sent(robots), sent(their_robots)
    assert [m for m, _ in mine] == [y for y, _ in yours]
    for (body, at), (_, then) in zip(mine, yours, strict=True):
        assert abs(at - then) < 0.25, body["groupKey"]


def alerts(url: str, query: str) -> list[Any]:
    found = requests.get(f"{url}/api/v2/alerts{query}", timeout=5).json()
    return sorted((plain(a) for a in found), key=lambda a: str(a["fingerprint"]))


def plain(shown: dict[str, Any]) -> dict[str, Any]:
    """Without what 0.25 lacks and what is of the moment."""
    status = {k: v for k, v in shown["status"].items() if k != "mutedBy"}
    return {**{k: v for k, v in shown.items() if k not in ("endsAt", "updatedAt")}, "status": status}


def groups(url: str) -> list[Any]:
    found = requests.get(f"{url}/api/v2/alerts/groups", timeout=5).json()
    return [
        {**g, "alerts": sorted((plain(a) for a in g["alerts"]), key=lambda a: str(a["fingerprint"]))} for g in found
    ]


_OWN = ("at", "externalURL", "notification_reason", "routeLabels")  # the last two are newer than 0.25


def sent(robots: Robots) -> list[tuple[dict[str, Any], float]]:
    """The webhooks, by group and order, and when they came."""
    found = [({k: v for k, v in w.items() if k not in _OWN}, w["at"]) for w in robots.webhooks]
    return sorted(found, key=lambda f: (f[0]["groupKey"], round(f[1])))
