"""The robots' two paths, as the chat companies' hosts have them."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from platform_app.sandbox.faults import Faults
from platform_app.sandbox.robots.answer import Refused, Shown
from platform_app.sandbox.robots.dingtalk import DingTalkRobot
from platform_app.sandbox.robots.wecom import WeComRobot
from platform_app.sandbox.wall import Wall

GROUP = "运维值班群"


class Robots:
    """DingTalk's and WeCom's hosts, with one robot each, in the same people's group."""

    def __init__(self, dingtalk: DingTalkRobot, wecom: WeComRobot, wall: Wall, faults: Faults) -> None:
        self._robots: dict[str, DingTalkRobot | WeComRobot] = {"dingtalk": dingtalk, "wecom": wecom}
        self._wall = wall
        self._faults = faults

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/robot/send", self._dingtalk)
        app.router.add_post("/cgi-bin/webhook/send", self._wecom)

    async def _dingtalk(self, request: web.Request) -> web.Response:
        return await self._send("dingtalk", request)

    async def _wecom(self, request: web.Request) -> web.Response:
        return await self._send("wecom", request)

    async def _send(self, channel: str, request: web.Request) -> web.Response:
        body, now = await request.read(), time.time()
        try:
            self._bad_day(channel)
            shown, raw = self._robots[channel].take(request.query, body, now)
        except Refused as refused:
            return web.json_response({"errcode": refused.errcode, "errmsg": refused.errmsg})
        self._show(channel, shown, raw, now)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    def _bad_day(self, channel: str) -> None:
        fault = self._faults["robots_errcode"]
        if fault.meets("channel", channel):
            raise Refused(int(fault.number("errcode", -1)), str(fault.parameters.get("errmsg", "系统繁忙")))

    def _show(self, channel: str, shown: Shown, raw: dict[str, Any], now: float) -> None:
        self._wall.post(now, channel, GROUP, shown.text, title=shown.title, links=shown.links, raw=raw)
