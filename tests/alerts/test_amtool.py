"""Debian's amtool drives us as it drives Alertmanager."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.conftest import HOOK, config
from tests.alerts.robots import Robots
from tests.servers import need


async def run_amtool(url: str, *words: str) -> tuple[str, str]:
    """What it said, and what it complained of; when that is a failure, its status before it."""
    process = await asyncio.create_subprocess_exec(
        str(need("amtool")),
        f"--alertmanager.url={url}",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    failed = f"exit {process.returncode}: " if process.returncode else ""
    return said.decode(), failed + complained.decode()


async def amtool(url: str, *words: str) -> str:
    said, complained = await run_amtool(url, *words)
    assert not complained.startswith("exit"), complained
    return said


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


async def test_silences_leave_and_come_back(robots: Robots, start: Any, tmp_path: Path) -> None:
    url = (await start(config(robots, HOOK))).url
    for name in ("one", "two"):
        await amtool(url, "silence", "add", name, "severity=warn", "-c", name)
    exported = await amtool(url, "silence", "query", "-o", "json")
    (tmp_path / "silences.json").write_text(exported)
    for each in json.loads(exported):
        await amtool(url, "silence", "expire", each["id"])
    gone = json.loads(await amtool(url, "silence", "query", "--expired", "--within=1h", "-o", "json"))
    assert {s["status"]["state"] for s in gone} == {"expired"}
    await amtool(url, "silence", "import", str(tmp_path / "silences.json"))
    back = json.loads(await amtool(url, "silence", "query", "-o", "json"))
    assert sorted(s["comment"] for s in back) == ["one", "two"]
    assert not {s["id"] for s in back} & {s["id"] for s in gone}


async def test_what_is_wrong_is_said(robots: Robots, start: Any, tmp_path: Path) -> None:
    url = (await start(config(robots, HOOK))).url
    zero = "0001-01-01T00:00:00.000Z"
    silence = {"matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": zero, "endsAt": zero,
               "createdBy": "t", "comment": "c"}  # fmt: skip
    (tmp_path / "bad.json").write_text(json.dumps([silence]))
    _, complained = await run_amtool(url, "silence", "import", str(tmp_path / "bad.json"))
    assert "start time must be before end time" in complained
    assert "404" in await refused(url, "silence", "expire", "11111111-1111-1111-1111-111111111111")
    assert "Failed to parse labels" in await refused(url, "config", "routes", "test", "{foo=bar}")


async def refused(url: str, *words: str) -> str:
    with pytest.raises(AssertionError) as found:
        await amtool(url, *words)
    return str(found.value)
