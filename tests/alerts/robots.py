"""Robots of the phone companies for tests: true signatures, true limits, true errcodes, and bad days on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

TOKEN, SECRET, KEY = "t0ken", "SECabcdef", "wecom-key"


@dataclass
class Message:
    """What a robot took."""

    channel: str
    at: float
    body: dict[str, Any]

    @property
    def text(self) -> str:
        part = self.body[self.body["msgtype"]]
        return str(part.get("text") or part.get("content"))


@dataclass
class Robots:
    """One DingTalk robot, one WeCom robot, one webhook, one heartbeat URL."""

    taken: list[Message] = field(default_factory=list)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    calls: list[tuple[str, float]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    """channel → an errcode to answer with, 'hang', 'break', or an HTTP status as a string"""
    delay: float = 0.0
    most: int = 20
    port: int = 0
    _windows: dict[str, deque[float]] = field(default_factory=dict)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, channel: str) -> list[Message]:
        return [m for m in self.taken if m.channel == channel]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/robot/send", self._dingtalk)
        app.router.add_post("/cgi-bin/webhook/send", self._wecom)
        app.router.add_post("/hook", self._webhook)
        app.router.add_get("/beat", self._beat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _dingtalk(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != TOKEN:
            return self._refuse(300001, "token is not exist")
        stamp, sign = request.query.get("timestamp", ""), request.query.get("sign", "")
        if not stamp.isdigit() or abs(time.time() * 1000 - int(stamp)) > 3_600_000:
            return self._refuse(310000, "invalid timestamp")
        wanted = base64.b64encode(hmac.digest(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256)).decode()
        if unquote(sign) != wanted:
            return self._refuse(310000, "sign not match")
        return await self._take("dingtalk", request, 20_000, 460101, 130101)

    async def _wecom(self, request: web.Request) -> web.Response:
        if request.query.get("key") != KEY:
            return self._refuse(93000, "invalid webhook url")
        return await self._take("wecom", request, 4096 + 200, 40058, 45009)

    async def _take(self, channel: str, request: web.Request, most: int, too_long: int, too_fast: int) -> web.Response:
        raw = await request.read()
        self.calls.append((channel, time.time()))
        bad = await self._bad_day(channel, request)
        if bad is not None:
            return bad
        if len(raw) > most:
            return self._refuse(too_long, "message too long")
        window, now = self._windows.setdefault(channel, deque()), time.time()
        while window and window[0] <= now - 60:
            window.popleft()
        if len(window) >= self.most:
            return self._refuse(too_fast, "send too fast")
        window.append(now)
        self.taken.append(Message(channel, now, await request.json()))
        if self.delay:
            await asyncio.sleep(self.delay)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _webhook(self, request: web.Request) -> web.Response:
        self.calls.append(("webhook", time.time()))
        bad = await self._bad_day("webhook", request)
        if bad is not None:
            return bad
        self.webhooks.append({**await request.json(), "at": time.time()})
        return web.Response()

    async def _beat(self, request: web.Request) -> web.Response:
        self.beats.append(time.time())
        return web.Response()

    async def _bad_day(self, channel: str, request: web.Request) -> web.Response | None:
        answer = self.answers.get(channel)
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "break":
            assert request.transport is not None
            request.transport.close()
        if isinstance(answer, str) and answer.isdigit():
            return web.Response(status=int(answer))
        if isinstance(answer, tuple):
            return self._refuse(*answer)
        return None

    def _refuse(self, code: int, message: str) -> web.Response:
        self.refusals.append(code)
        return web.json_response({"errcode": code, "errmsg": message})
