"""Debian's amtool drives us as it drives Alertmanager."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.alerts.conftest import HOOK, config
from tests.alerts.robots import Robots
from tests.servers import need


async def amtool(url: str, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(need("amtool")),
        f"--alertmanager.url={url}",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


async def test_alerts_and_silences(robots: Robots, start: Any) -> None:
    url = (await start(config(robots, HOOK))).url
    await amtool(url, "alert", "add", "Broken", "severity=critical", "instance=a", "--annotation=summary=it broke")
    (alert,) = json.loads(await amtool(url, "alert", "query", "-o", "json"))
    assert alert["labels"] == {"alertname": "Broken", "severity": "critical", "instance": "a"}
    assert alert["status"]["state"] == "active"
    number = (await amtool(url, "silence", "add", "alertname=~Bro.*", "-c", "known", "-a", "me")).strip()
    (silence,) = json.loads(await amtool(url, "silence", "query", "-o", "json"))
    assert silence["id"] == number
    assert silence["matchers"] == [{"isEqual": True, "isRegex": True, "name": "alertname", "value": "Bro.*"}]
    assert json.loads(await amtool(url, "alert", "query", "-o", "json")) == []
    (hidden,) = json.loads(await amtool(url, "alert", "query", "--silenced", "-o", "json"))
    assert hidden["status"]["silencedBy"] == [number]
    assert "Broken" in await amtool(url, "alert", "query", "--silenced", "severity=critical")
    await amtool(url, "silence", "update", number, "--duration=2h", "--comment=longer")
    (longer,) = json.loads(await amtool(url, "silence", "query", "-o", "json"))
    assert longer["comment"] == "longer"
    await amtool(url, "silence", "expire", longer["id"])
    assert json.loads(await amtool(url, "silence", "query", "-o", "json")) == []
    assert len(json.loads(await amtool(url, "alert", "query", "-o", "json"))) == 1


async def test_configuration_and_routes(robots: Robots, start: Any) -> None:
    url = (await start(config(robots, HOOK))).url
    assert "receiver: all" in await amtool(url, "config", "show")
    assert (await amtool(url, "config", "routes", "test", "alertname=x")).strip() == "all"
    assert "ready" in await amtool(url, "cluster", "show")
