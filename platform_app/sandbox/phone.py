"""A customer's phone: scans a code and pays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from aiohttp import web

from platform_app.sandbox.wechat.book import Book
from platform_app.sandbox.wechat.signing import Refusal


class Phone:
    """`POST /phone/pay {"code_url": …}` pays a trade of the book, as a phone would."""

    def __init__(self, book: Book, wake: Callable[[], None]) -> None:
        self._book = book
        self._wake = wake

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/phone/pay", self._pay)

    async def _pay(self, request: web.Request) -> web.Response:
        try:
            code_url = str((await request.json())["code_url"])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text='expected {"code_url": "weixin://…"}') from error
        try:
            paid = self._book.pay(code_url, time.time())
        except Refusal as refusal:
            shown = {"code": refusal.code, "message": refusal.message}
            return web.json_response(shown, status=refusal.status)
        self._wake()
        return web.json_response(paid)
