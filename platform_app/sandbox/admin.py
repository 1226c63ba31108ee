"""The admin port: switches faults, shows the channels' books, plants mistakes in bills. Nothing of the platform knows it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import date
from typing import Any

from aiohttp import web

from platform_app.kit.log import Log
from platform_app.sandbox.alipay.book import Book as AlipayBook
from platform_app.sandbox.faults import HELP, Faults
from platform_app.sandbox.wall import Wall
from platform_app.sandbox.wechat.bills import KINDS, Bills
from platform_app.sandbox.wechat.book import Book
from platform_app.sandbox.wechat.transfers import Transfers

log = Log("platform.sandbox.admin")


class Admin:
    """`GET /faults`, `GET|PUT|DELETE /faults/{name}`, `DELETE /faults`, `GET /api/book?since=&channel=wechat|alipay`,
    `GET /api/transfers`, `GET|PUT|DELETE /api/bills/{day}` (mistakes planted in a bill), `DELETE /api/wall`.
    """

    def __init__(
        self, faults: Faults, book: Book, bills: Bills, transfers: Transfers, wall: Wall,
        alipay: AlipayBook | None = None,
    ) -> None:  # fmt: skip
        self._faults = faults
        self._books: dict[str, Book | AlipayBook] = {"wechat": book, **({"alipay": alipay} if alipay else {})}
        self._bills = bills
        self._transfers = transfers
        self._wall = wall

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/faults", self._list)
        app.router.add_delete("/faults", self._lift_all)
        app.router.add_get("/faults/{name}", self._show)
        app.router.add_put("/faults/{name}", self._put)
        app.router.add_delete("/faults/{name}", self._lift)
        app.router.add_get("/api/book", self._trades)
        app.router.add_get("/api/transfers", self._sent)
        app.router.add_get("/api/bills/{day}", self._planted)
        app.router.add_put("/api/bills/{day}", self._plant)
        app.router.add_delete("/api/bills/{day}", self._unplant)
        app.router.add_delete("/api/wall", self._clear)
        app.router.add_get("/healthz", _healthy)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": [fault.as_dict() for fault in self._faults.all()]})

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._faults[self._name(request)].as_dict())

    async def _put(self, request: web.Request) -> web.Response:
        name, data = self._name(request), await _object(request)
        on = data.pop("on", True)
        if not isinstance(on, bool):
            raise _problem(400, "`on` must be true or false")
        return await self._switch(name, on, data)

    async def _lift(self, request: web.Request) -> web.Response:
        return await self._switch(self._name(request), False, {})

    async def _lift_all(self, request: web.Request) -> web.Response:
        for fault in self._faults.all():
            if fault.on:
                await self._switch(fault.name, False, {})
        return await self._list(request)

    async def _switch(self, name: str, on: bool, parameters: dict[str, Any]) -> web.Response:
        fault = await self._faults.put(name, on, parameters, time.time())
        log.info("fault.switched", fault=name, on=on)
        return web.json_response(fault.as_dict())

    async def _trades(self, request: web.Request) -> web.Response:
        try:
            since = float(request.query.get("since", "0"))
        except ValueError as error:
            raise _problem(400, "`since` is in epoch seconds") from error
        book = self._books.get(request.query.get("channel", "wechat"))
        if book is None:
            raise _problem(404, f"`channel`: one of {', '.join(self._books)}")
        return web.json_response({"trades": book.since(since)})

    async def _sent(self, request: web.Request) -> web.Response:
        return web.json_response({"transfers": self._transfers.all()})

    async def _planted(self, request: web.Request) -> web.Response:
        return web.json_response({"planted": [asdict(p) for p in self._bills.planted(_day(request))]})

    async def _plant(self, request: web.Request) -> web.Response:
        day, data = _day(request), await _object(request)
        kinds, seed = data.get("kinds", list(KINDS)), data.get("seed", 1)
        if not isinstance(kinds, list) or not set(map(str, kinds)) <= set(KINDS) or not isinstance(seed, int):
            raise _problem(400, f"`kinds` is a list of {', '.join(KINDS)}; `seed` a whole number")
        try:
            self._bills.plant(day, kinds, seed)
        except ValueError as error:
            raise _problem(400, str(error)) from error
        return await self._planted(request)

    async def _unplant(self, request: web.Request) -> web.Response:
        self._bills.lift(_day(request))
        return await self._planted(request)

    async def _clear(self, request: web.Request) -> web.Response:
        self._wall.clear()
        return web.Response(status=204)

    def _name(self, request: web.Request) -> str:
        name = request.match_info["name"]
        if name not in self._faults:
            raise _problem(404, f"no fault {name!r}; there are: {', '.join(HELP)}")
        return name


def _day(request: web.Request) -> str:
    try:
        return date.fromisoformat(request.match_info["day"]).isoformat()
    except ValueError as error:
        raise _problem(400, "a day like 2026-11-24 is expected") from error


async def _object(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    try:
        data = json.loads(text or "{}")
    except ValueError as error:
        raise _problem(400, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise _problem(400, "not a JSON object")
    return data


def _problem(status: int, detail: str) -> web.HTTPException:
    kinds: dict[int, type[web.HTTPError]] = {400: web.HTTPBadRequest, 404: web.HTTPNotFound}
    text = json.dumps({"status": status, "detail": detail}, ensure_ascii=False)
    return kinds[status](text=text, content_type="application/problem+json")


async def _healthy(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
