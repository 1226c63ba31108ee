"""Alipay's gateway (`/gateway.do`), the bills behind their download addresses; both hosts serve the same book."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from aiohttp import web

from platform_app.sandbox.alipay.bill import bill
from platform_app.sandbox.alipay.book import PRODUCTS, Book
from platform_app.sandbox.alipay.signing import Refusal, Signing, invalid
from platform_app.sandbox.faults import Faults
from platform_app.sandbox.store import Store

Node = dict[str, Any]
BILL_SECONDS = 30
"""How long a download address counts."""


class AlipayHost:
    """One of Alipay's hosts: checks the merchant's signature, answers signed."""

    def __init__(
        self, name: str, book: Book, store: Store, signing: Signing, faults: Faults, wake: Callable[[], None]
    ) -> None:
        self._name = name
        self._book = book
        self._store = store
        self._signing = signing
        self._faults = faults
        self._wake = wake
        self._bills: dict[str, tuple[float, str]] = {}
        self._methods: dict[str, Callable[[Node, float, web.Request], Node]] = {
            "alipay.trade.query": lambda wish, now, _: book.query(str(wish.get("out_trade_no", ""))),
            "alipay.trade.close": lambda wish, now, _: book.close(str(wish.get("out_trade_no", ""))),
            "alipay.trade.refund": lambda wish, now, _: book.refund(wish, now),
            "alipay.trade.fastpay.refund.query": lambda wish, now, _: book.query_refund(wish),
            "alipay.data.dataservice.bill.downloadurl.query": self._bill_url,
        }

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/gateway.do", self._gateway)
        app.router.add_route("*", "/", self._gateway)
        app.router.add_get("/bill/{token}", self._bill)
        app.router.add_get("/healthz", _healthy)
        return app

    async def _gateway(self, request: web.Request) -> web.Response:
        slow = self._faults["alipay_slow"]
        if slow.meets("host", self._name):
            await asyncio.sleep(slow.number("seconds", 5.0))
        parameters = {k: str(v) for k, v in {**request.query, **await request.post()}.items()}
        method = parameters.get("method", "")
        try:
            node = self._answer(method, parameters, request)
        except Refusal as refusal:
            node = refusal.node()
        self._wake()
        return self._signed(method, node)

    def _answer(self, method: str, parameters: Mapping[str, str], request: web.Request) -> Node:
        now = time.time()
        self._signing.verify(parameters)
        errors = self._faults["alipay_errors"]
        if errors.meets("host", self._name) and random.random() < errors.number("ratio", 1.0):
            raise Refusal("aop.ACQ.SYSTEM_ERROR", "系统异常", "20000", "Service Currently Unavailable")
        wish = content(parameters)
        if method in PRODUCTS:
            row = self._book.open(method, parameters.get("notify_url", ""), wish, now)
            done: Node = {"out_trade_no": row["out_trade_no"], "trade_no": row["trade_no"]}
        elif method in self._methods:
            done = self._methods[method](wish, now, request)
        else:
            raise invalid("isv.invalid-method", "不存在的方法名")
        return {"code": "10000", "msg": "Success", **done}

    def _signed(self, method: str, node: Node) -> web.Response:
        """The answer's text by hand: its signature covers the node's very characters."""
        signing = self._signing.forged() if self._faults["alipay_forged"].on else self._signing
        raw = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        name = f"{method.replace('.', '_')}_response" if method else "error_response"
        text = f'{{"{name}":{raw},"sign":"{signing.sign(raw.encode())}"}}'
        return web.Response(text=text, content_type="application/json")

    def _bill_url(self, wish: Node, now: float, request: web.Request) -> Node:
        day = str(wish.get("bill_date", ""))
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise Refusal("INVAILID_ARGUMENTS", "入参不合法") from error
        if wish.get("bill_type") not in ("trade", "signcustomer"):
            raise Refusal("INVAILID_ARGUMENTS", "入参不合法")
        token = secrets.token_urlsafe(24)
        self._bills = {t: b for t, b in self._bills.items() if b[0] > now} | {token: (now + BILL_SECONDS, day)}
        return {"bill_download_url": f"http://{request.host}/bill/{token}"}

    async def _bill(self, request: web.Request) -> web.Response:
        until, day = self._bills.get(request.match_info["token"], (0.0, ""))
        if until < time.time():
            raise web.HTTPNotFound(text="下载地址已失效")
        packed = bill(self._store, self._signing.seller_id, day)
        return web.Response(body=packed, content_type="application/zip")


def content(parameters: Mapping[str, str]) -> Node:
    """The business part of a request. Raises Refusal 40002."""
    try:
        wish = json.loads(parameters.get("biz_content", "") or "{}")
    except ValueError as error:
        raise invalid("isv.invalid-parameter", "biz_content 不是合法的JSON") from error
    if not isinstance(wish, dict):
        raise invalid("isv.invalid-parameter", "biz_content 不是合法的JSON对象")
    return wish


async def _healthy(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
