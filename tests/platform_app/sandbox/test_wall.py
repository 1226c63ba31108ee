"""The phone wall: kept, live, and alive after kill -9."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import requests

from platform_app.kit.config import PlatformConfig
from platform_app.sandbox.store import Store
from platform_app.sandbox.wall import KEPT, Link, Wall
from platform_app.sandbox.world import World
from tests.platform_app.sandbox.homes import make_home


async def test_only_the_last_messages_of_each_channel_are_kept(tmp_path: Path) -> None:
    wall = Wall(Store(tmp_path / "wall.db"))
    wall.post(1.0, "wecom", "g", "early", raw={})
    for number in range(KEPT + 5):
        wall.post(2.0, "sms", "13800138000", str(number), raw={})
    kept = wall.since(0)
    assert [m.text for m in kept if m.channel == "wecom"] == ["early"]
    assert len([m for m in kept if m.channel == "sms"]) == KEPT
    assert kept[0].text == str(KEPT + 4)
    assert [m.text for m in wall.since(kept[0].id - 1)] == [kept[0].text]


async def test_the_stream_gives_what_was_missed_and_what_comes(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    world.wall.post(1.0, "sms", "1", "first", raw={})
    second = world.wall.post(2.0, "sms", "1", "second", raw={})
    url = f"http://{config.sandbox.listen}/api/wall/stream"
    async with http.get(url, headers={"Last-Event-ID": str(second.id - 1)}) as stream:
        world.wall.post(3.0, "dingtalk", "g", "third", title="t", links=[Link("ok", "http://a")], raw={"msgtype": "x"})
        seen: list[dict[str, object]] = []
        async with asyncio.timeout(5):
            async for line in stream.content:
                if line.startswith(b"data:"):
                    seen.append(json.loads(line[5:]))
                if len(seen) == 2:
                    break
    assert [m["text"] for m in seen] == ["second", "third"]
    assert seen[1]["links"] == [{"title": "ok", "url": "http://a"}]


async def test_the_page_needs_nothing_from_elsewhere(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"http://{config.sandbox.listen}/") as answer:
        page = await answer.text()
    assert "手机墙" in page
    assert "src=" not in page.replace("(src=", "")
    assert "@import" not in page


def test_the_process_keeps_all_through_kill_9_and_ends_at_sigterm(tmp_path: Path) -> None:
    folder = make_home(tmp_path)
    config = folder.config
    base = f"http://{config.sandbox.listen}"
    first = start(folder.path, base)
    key = (Path(config.sandbox.secrets_folder) / "wecom_key").read_text()
    body = {"msgtype": "text", "text": {"content": "在吗"}}
    assert (
        requests.post(f"{base}/cgi-bin/webhook/send", params={"key": key}, json=body, timeout=5).json()["errcode"] == 0
    )
    first.send_signal(signal.SIGKILL)
    first.wait(5)
    second = start(folder.path, base)
    assert [m["text"] for m in requests.get(f"{base}/api/wall", timeout=5).json()["messages"]] == ["在吗"]
    second.terminate()
    assert second.wait(5) == 0


def start(config: Path, base: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PLATFORM_CONFIG": str(config)}
    process = subprocess.Popen([sys.executable, "-m", "platform_app.sandbox"], env=environment)
    for _ in range(100):
        try:
            requests.get(f"{base}/healthz", timeout=1)
            return process
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the sandbox does not answer")
