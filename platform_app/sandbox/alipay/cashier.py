"""A customer's Alipay: opens the signed text that a merchant gave out, and pays."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from platform_app.sandbox.alipay.api import content
from platform_app.sandbox.alipay.book import PRODUCTS, Book
from platform_app.sandbox.alipay.signing import Refusal, Signing, invalid


class Cashier:
    """`POST /phone/alipay {"order": …}`: an order string or a pay address; `"pay": false` only opens the trade."""

    def __init__(self, book: Book, signing: Signing, wake: Callable[[], None]) -> None:
        self._book = book
        self._signing = signing
        self._wake = wake

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/phone/alipay", self._take)

    async def _take(self, request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            text, pay = str(asked["order"]), bool(asked.get("pay", True))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise web.HTTPBadRequest(text='expected {"order": "app_id=…&sign=…"}') from error
        try:
            shown = self.open(text, time.time())
            if pay:
                shown = self._book.pay(shown["out_trade_no"], time.time())
        except Refusal as refusal:
            return web.json_response(refusal.node(), status=409)
        self._wake()
        return web.json_response(shown)

    def open(self, text: str, now: float) -> dict[str, Any]:
        """Checks a merchant's signed text and opens its trade. Raises Refusal."""
        query = urlsplit(text).query if text.startswith("http") else text
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        self._signing.verify(parameters)
        if parameters.get("method", "") not in PRODUCTS:
            raise invalid("isv.invalid-method", "不存在的方法名")
        notify_url = parameters.get("notify_url", "")
        return self._book.shown(self._book.open(parameters["method"], notify_url, content(parameters), now))
