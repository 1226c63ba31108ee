"""A storm: 1,000 alerts of as many groups in 10 s, one robot with the company's own limit (20 in a rolling minute, then
mute for ten). Until the first message, until every alert is named, messages used, refusals; criticals on their own.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bench.alert import opsctl
from bench.figures import free_port, head, load, quantile, row
from platform_app.sandbox.robots.answer import Refused
from platform_app.sandbox.robots.dingtalk import DingTalkRobot
from platform_app.sandbox.robots.wecom import WeComRobot

_ALERTS, _SECONDS, _STEPS, _PATIENCE = 1000, 10.0, 100, 180.0
_ROBOT = {
    "dingtalk": "dingtalk_configs: [{{api_url: '{url}', access_token: t, secret: SEC}}]",
    "wecom": "wecom_configs: [{{api_url: '{url}', key: k}}]",
}


@dataclass
class Group:
    """What the people of one chat group have seen."""

    seen: list[tuple[float, str]] = field(default_factory=list)
    refused: int = 0


def run() -> None:
    load()
    head(
        "robot", "alerts (critical)", "first message", "all named", "criticals waited p50 / max", "messages", "refusals"
    )
    for name in _ROBOT:
        for critical in (20, _ALERTS):
            asyncio.run(_storm(name, critical))


async def _storm(name: str, critical: int) -> None:
    group = Group()
    runner, port = await _serve(name, group), free_port()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "alertmanager.yml").write_text(
            "route: {receiver: a, group_by: [alertname], group_wait: 0s}\n"
            f"receivers:\n  - name: a\n    {_ROBOT[name].format(url=url)}\n"
        )
        with opsctl(Path(folder), "alertmanager", "--storage.path", port):
            posted = await _post(f"http://127.0.0.1:{port}", critical)
            named = await _named(group)
    await runner.cleanup()
    _report(name, critical, group, posted, named)


async def _serve(name: str, group: Group) -> web.AppRunner:
    robot: DingTalkRobot | WeComRobot = DingTalkRobot("t", "SEC") if name == "dingtalk" else WeComRobot("k")

    async def send(request: web.Request) -> web.Response:
        body, now = await request.read(), time.time()
        try:
            shown, _ = robot.take(request.query, body, now)
        except Refused as refused:
            group.refused += 1
            return web.json_response({"errcode": refused.errcode, "errmsg": refused.errmsg})
        group.seen.append((now, shown.text))
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    app = web.Application()
    app.router.add_post("/robot/send", send)
    app.router.add_post("/cgi-bin/webhook/send", send)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def _post(url: str, critical: int) -> list[float]:
    """Posts all alerts evenly over the time; returns when each was posted."""
    posted, size = [], _ALERTS // _STEPS
    async with aiohttp.ClientSession() as session:
        await _ready(session, url)
        began = time.time()
        for step in range(_STEPS):
            numbers = range(step * size, (step + 1) * size)
            posted += [time.time()] * size
            async with session.post(f"{url}/api/v2/alerts", json=[_alert(n, critical) for n in numbers]) as answer:
                answer.raise_for_status()
            await asyncio.sleep(max(0.0, began + (step + 1) * _SECONDS / _STEPS - time.time()))
    return posted


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(200):
        try:
            async with session.get(f"{url}/-/ready"):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise RuntimeError("opsctl alertmanager is not ready")


def _alert(number: int, critical: int) -> Any:
    severity = "critical" if number % (_ALERTS // critical) == 0 else "warning"
    labels = {"alertname": f"HighLoad{number}", "instance": f"host-{number}.example:9100", "severity": severity}
    return {"labels": labels, "annotations": {"summary": "负载过高 / load is high"}}


async def _named(group: Group) -> dict[int, float]:
    """When each alert was first named, by name and instance."""
    end, found, read = time.time() + _PATIENCE, dict[int, float](), 0
    while len(found) < _ALERTS and time.time() < end:
        for at, text in group.seen[read:]:
            read += 1
            for number in {int(n) for n in re.findall(r"host-(\d+)\.example", text)}:
                if re.search(rf"\bHighLoad{number}\b", text):
                    found.setdefault(number, at)
        await asyncio.sleep(0.05)
    return found


def _report(name: str, critical: int, group: Group, posted: list[float], named: dict[int, float]) -> None:
    waits = [named[n] - posted[n] for n in sorted(named) if n % (_ALERTS // critical) == 0]
    everything = f"{max(named.values()) - posted[0]:.1f} s" if len(named) == _ALERTS else f"only {len(named)}"
    row(
        name, f"{_ALERTS} ({critical})", f"{group.seen[0][0] - posted[0]:.2f} s", everything,
        f"{quantile(waits, 0.5):.1f} s / {max(waits):.1f} s", len(group.seen), group.refused,
    )  # fmt: skip
