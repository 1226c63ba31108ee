"""A customer's phone: scans a code, opens a page or is called by a shop's app, and pays by WeChat."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from platform_app.sandbox.wechat.book import Book
from platform_app.sandbox.wechat.signing import Refusal, Signing


class Phone:
    """`POST /phone/pay {"code_url" | "h5_url" | "client": …}` pays a trade of the book, as a phone would.

    `client`: what a jsapi or app prepay gave to the shop's program, whose paySign WeChat checks.
    """

    def __init__(self, book: Book, signing: Signing, wake: Callable[[], None]) -> None:
        self._book = book
        self._signing = signing
        self._wake = wake

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/phone/pay", self._pay)

    async def _pay(self, request: web.Request) -> web.Response:
        try:
            asked = dict(await request.json())
            token = str(asked.get("code_url") or asked.get("h5_url") or asked["client"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text='expected {"code_url": "weixin://…"}') from error
        try:
            if isinstance(asked.get("client"), dict):
                token = self._called(asked["client"])
            paid = self._book.pay(token, time.time())
        except Refusal as refusal:
            shown = {"code": refusal.code, "message": refusal.message}
            return web.json_response(shown, status=refusal.status)
        self._wake()
        return web.json_response(paid)

    def _called(self, client: dict[str, Any]) -> str:
        """The prepay_id of a call by a shop's page or app, if its signature is the merchant's. Raises Refusal."""
        page = "paySign" in client
        names = (
            ("appId", "timeStamp", "nonceStr", "package") if page else ("appid", "timestamp", "noncestr", "prepayid")
        )
        parts = [str(client.get(name, "")) for name in names]
        self._signing.verify_call(parts, str(client.get("paySign" if page else "sign", "")))
        return parts[3].removeprefix("prepay_id=")
