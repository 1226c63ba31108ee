"""WeChat Work's message API as far as applications use it: tokens that end, answers 200 with an errcode."""

from __future__ import annotations

from typing import Any

from aiohttp import web

CORP, SECRET = "corp1", "app-secret"


class Office:
    """`answers` are errcodes to give to the next messages, before they are looked at."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.tokens = 0
        self.valid = ""
        self.answers: list[int] = []
        self.members = {"zhang", "li"}
        self.headers: list[dict[str, str]] = []

    async def start(self) -> None:
        app = web.Application()
        app.add_routes([
            web.get("/cgi-bin/gettoken", self._token), web.post("/cgi-bin/message/send", self._send),
        ])  # fmt: skip
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/cgi-bin"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _token(self, request: web.Request) -> web.Response:
        if request.query.get("corpid") != CORP:
            return web.json_response({"errcode": 40013, "errmsg": "invalid corpid"})
        if request.query.get("corpsecret") != SECRET:
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential"})
        self.tokens += 1
        self.valid = f"token{self.tokens}"
        return web.json_response({"errcode": 0, "errmsg": "ok", "access_token": self.valid, "expires_in": 7200})

    async def _send(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        if self.answers:
            code = self.answers.pop(0)
            return web.json_response({"errcode": code, "errmsg": f"said {code}"})
        if request.query.get("access_token") != self.valid:
            return web.json_response({"errcode": 40014, "errmsg": "invalid access_token"})
        body = await request.json()
        people = set(filter(None, str(body.get("touser", "")).split("|")))
        if people and not people & self.members and "@all" not in people:
            return web.json_response({"errcode": 81013, "errmsg": "user & party & tag all invalid"})
        self.messages.append(body)
        return web.json_response({"errcode": 0, "errmsg": "ok", "invaliduser": "|".join(people - self.members)})
