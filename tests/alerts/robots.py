"""Robots of the phone companies for tests: true signatures, true limits, true errcodes, and bad days on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from platform_app.sandbox.acs3 import Acs3Error, verify

TOKEN, SECRET, KEY = "t0ken", "SECabcdef", "wecom-key"
HOOK_ID, FEISHU_SECRET = "hook-1", "feishu-secret"
CORP, CORP_SECRET, AGENT = "ww123", "corp-secret", 1000002
SMS_KEY, SMS_SECRET, SIGN, TEMPLATE = "LTAItest", "sms-secret", "家政平台", "SMS_1"
MUTED_SECONDS = 600.0


@dataclass
class Message:
    """What a robot took. `to`: whom it was sent to, where that is a person."""

    channel: str
    at: float
    body: dict[str, Any]
    to: str = ""

    @property
    def text(self) -> str:
        """What is to be read."""
        if "card" in self.body:
            card = self.body["card"]
            return "\n".join([card["header"]["title"]["content"], *(e.get("content", "") for e in card["elements"])])
        if "msgtype" not in self.body:
            return json.dumps(self.body, ensure_ascii=False)
        part = self.body[self.body["msgtype"]]
        if "main_title" in part:
            return "\n".join((part["main_title"]["title"], part["main_title"]["desc"], part["sub_title_text"]))
        return str(part.get("text") or part.get("content"))


@dataclass
class Robots:
    """DingTalk robots (any token that begins as TOKEN does), a WeCom robot and app, a Feishu bot, Aliyun's SMS, a
    webhook, a heartbeat URL.
    """

    taken: list[Message] = field(default_factory=list)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    refusals: list[int | str] = field(default_factory=list)
    calls: list[tuple[str, float]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    """channel → an errcode and its words to answer with, 'hang', 'break', 'midway', 'nonsense', or an HTTP status"""
    delay: float = 0.0
    most: int = 20
    port: int = 0
    tokens: int = 0
    invalid: str = ""
    muted: dict[str, float] = field(default_factory=dict)
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
        app.router.add_post("/open-apis/bot/v2/hook/{id}", self._feishu)
        app.router.add_get("/cgi-bin/gettoken", self._token)
        app.router.add_post("/cgi-bin/message/send", self._app)
        app.router.add_post("/cgi-bin/message/update_template_card", self._update)
        app.router.add_post("/", self._sms)
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

    async def _dingtalk(self, request: web.Request) -> web.StreamResponse:
        token = request.query.get("access_token", "")
        if not token.startswith(TOKEN):
            return self._refuse(300001, "token is not exist")
        stamp, sign = request.query.get("timestamp", ""), request.query.get("sign", "")
        if not stamp.isdigit() or abs(time.time() * 1000 - int(stamp)) > 3_600_000:
            return self._refuse(310000, "invalid timestamp")
        wanted = base64.b64encode(hmac.digest(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256)).decode()
        if unquote(sign) != wanted:
            return self._refuse(310000, "sign not match")
        channel = "dingtalk" + token.removeprefix(TOKEN)
        raw = await request.read()
        return await self._bad_day(channel, request) or await self._take(
            channel, raw, len(raw) > 20_000, 460101, 130101
        )

    async def _wecom(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("key") != KEY:
            return self._refuse(93000, "invalid webhook url")
        raw = await request.read()
        long = len(json.loads(raw)["markdown"]["content"].encode()) > 4096
        return await self._bad_day("wecom", request) or await self._take("wecom", raw, long, 40058, 45009)

    async def _feishu(self, request: web.Request) -> web.StreamResponse:
        raw, now = await request.read(), time.time()
        bad = await self._bad_day("feishu", request)
        if bad is not None:
            return bad
        body = json.loads(raw)
        stamp = str(body.get("timestamp", ""))
        wanted = base64.b64encode(hmac.digest(f"{stamp}\n{FEISHU_SECRET}".encode(), b"", hashlib.sha256)).decode()
        if request.match_info["id"] != HOOK_ID:
            return self._refuse(19001, "param invalid: incoming webhook access token invalid", "code", "msg")
        if not stamp.isdigit() or abs(now - int(stamp)) > 3600:
            return self._refuse(19021, "timestamp is not within one hour from current time", "code", "msg")
        if body.get("sign") != wanted:
            return self._refuse(19021, "sign match fail or timestamp is not within one hour", "code", "msg")
        if len(raw) > 20 * 1024 or not self._fits("feishu", 100, now, 5):
            return self._refuse(11232 if len(raw) <= 20 * 1024 else 9499, "frequency limited psm", "code", "msg")
        self.taken.append(Message("feishu", now, body))
        return web.json_response({"code": 0, "msg": "success", "data": {}})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("corpid") != CORP or request.query.get("corpsecret") != CORP_SECRET:
            return self._refuse(40001, "invalid credential")
        self.tokens += 1
        return web.json_response({"errcode": 0, "errmsg": "ok", "access_token": f"T{self.tokens}", "expires_in": 7200})

    async def _app(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        bad = await self._bad_day("wecom_app", request)
        if bad is not None:
            return bad
        if request.query.get("access_token") != f"T{self.tokens}":
            return self._refuse(42001, "access_token expired")
        body, now = json.loads(raw), time.time()
        if body["touser"] == self.invalid:
            return self._refuse(81013, "all user/party/tag invalid")
        if not self._fits(f"wecom_app {body['touser']}", 30, now):
            self.refusals.append("dropped")  # as the company does: without a word
            return web.json_response({"errcode": 0, "errmsg": "ok"})
        self.taken.append(Message("wecom_app", now, body, body["touser"]))
        return web.json_response({"errcode": 0, "errmsg": "ok", "invaliduser": ""})

    async def _update(self, request: web.Request) -> web.Response:
        self.updates.append(await request.json())
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _sms(self, request: web.Request) -> web.StreamResponse:
        raw, now = await request.read(), time.time()
        bad = await self._bad_day("aliyun_sms", request)
        if bad is not None:
            return bad
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            verify(
                headers.get("authorization", ""), headers, list(request.query.items()), raw, SMS_KEY, SMS_SECRET, now
            )
        except Acs3Error as error:
            self.refusals.append(error.code)
            return web.json_response({"Code": error.code, "Message": error.message}, status=error.status)
        phone = request.query["PhoneNumbers"]
        if phone == self.invalid:
            return self._refuse("isv.MOBILE_NUMBER_ILLEGAL", "invalid mobile number", "Code", "Message")
        if not self._fits(f"sms {phone}", 1, now):
            return self._refuse("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1", "Code", "Message")
        self.taken.append(Message("aliyun_sms", now, json.loads(request.query["TemplateParam"]), phone))
        return web.json_response({"Code": "OK", "Message": "OK", "BizId": "1^0"})

    async def _take(self, channel: str, raw: bytes, long: bool, too_long: int, too_fast: int) -> web.StreamResponse:
        if long:
            return self._refuse(too_long, "message too long")
        now = time.time()
        if self.muted.get(channel, 0.0) > now or not self._fits(channel, self.most, now):
            if channel != "wecom":
                self.muted[channel] = max(self.muted.get(channel, 0.0), now + MUTED_SECONDS)
            return self._refuse(too_fast, "send too fast")
        self.taken.append(Message(channel, now, json.loads(raw)))
        if self.delay:
            await asyncio.sleep(self.delay)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    def _fits(self, name: str, most: int, now: float, a_second: int = 0) -> bool:
        window = self._windows.setdefault(name, deque())
        while window and window[0] <= now - 60:
            window.popleft()
        if len(window) >= most or (a_second and sum(1 for t in window if t > now - 1) >= a_second):
            return False
        window.append(now)
        return True

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        bad = await self._bad_day("webhook", request)
        if bad is not None:
            return bad
        self.webhooks.append({**await request.json(), "at": time.time()})
        return web.Response()

    async def _beat(self, request: web.Request) -> web.Response:
        self.beats.append(time.time())
        return web.Response()

    async def _bad_day(self, channel: str, request: web.Request) -> web.StreamResponse | None:
        self.calls.append((channel, time.time()))
        answer = self.answers.get(channel)
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "break":
            assert request.transport is not None
            request.transport.close()
        if answer == "midway":
            half = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
            await half.prepare(request)
            await half.write(b'{"errcode": 0, "er')
            assert request.transport is not None
            request.transport.close()
            return half
        if answer == "nonsense":
            return web.Response(text="<html>welcome</html>")
        if isinstance(answer, str) and answer.isdigit():
            return web.Response(status=int(answer))
        if isinstance(answer, tuple):
            names = {"feishu": ("code", "msg"), "aliyun_sms": ("Code", "Message")}.get(channel, ("errcode", "errmsg"))
            return self._refuse(*answer, *names)
        return None

    def _refuse(self, code: int | str, message: str, name: str = "errcode", words: str = "errmsg") -> web.Response:
        self.refusals.append(code)
        return web.json_response({name: code, words: message})
