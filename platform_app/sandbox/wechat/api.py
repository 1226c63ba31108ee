"""WeChat Pay's HTTP API; the primary and the standby host serve the same book."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from platform_app.sandbox.faults import Faults
from platform_app.sandbox.wechat.bills import Bills
from platform_app.sandbox.wechat.book import Book
from platform_app.sandbox.wechat.requests import parse_close, parse_prepay, parse_refund
from platform_app.sandbox.wechat.signing import Refusal, Signing
from platform_app.sandbox.wechat.transfers import Transfers

TOKENS = {"NATIVE": "code_url", "JSAPI": "prepay_id", "APP": "prepay_id", "H5": "h5_url"}
Answer = tuple[int, dict[str, Any] | None]
Handler = Callable[[web.Request, bytes, float], Answer]


class WeChatHost:
    """One of WeChat's hosts: checks the merchant's signature, answers signed."""

    def __init__(
        self,
        name: str,
        book: Book,
        bills: Bills,
        transfers: Transfers,
        signing: Signing,
        faults: Faults,
        wake: Callable[[], None],
    ) -> None:
        self._name = name
        self._book = book
        self._bills = bills
        self._transfers = transfers
        self._signing = signing
        self._faults = faults
        self._wake = wake

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 20)
        trades, refunds = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
        for trade_type, key in TOKENS.items():
            app.router.add_post(f"{trades}/{trade_type.lower()}", self._signed(self._prepay(trade_type, key)))
        app.router.add_get(f"{trades}/out-trade-no/{{number}}", self._signed(self._query))
        app.router.add_get(f"{trades}/id/{{number}}", self._signed(self._query_transaction))
        app.router.add_post(f"{trades}/out-trade-no/{{number}}/close", self._signed(self._close))
        app.router.add_post(refunds, self._signed(self._refund))
        app.router.add_get(f"{refunds}/{{number}}", self._signed(self._query_refund))
        transfers = "/v3/fund-app/mch-transfer/transfer-bills"
        app.router.add_post(transfers, self._signed(self._transfer))
        app.router.add_get(f"{transfers}/out-bill-no/{{number}}", self._signed(self._query_transfer))
        app.router.add_get("/v3/bill/tradebill", self._signed(self._bill))
        app.router.add_get("/v3/billdownload/file", self._download)
        app.router.add_get("/healthz", _healthy)
        app.router.add_route("*", "/{path:.*}", self._signed(_unknown))
        return app

    def _signed(self, handler: Handler) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            await self._slowness()
            status, shown = self._answer(handler, request, body)
            raw = b"" if shown is None else json.dumps(shown, ensure_ascii=False).encode()
            headers = self._signing.headers(raw, time.time())
            kind = None if shown is None else "application/json"
            return web.Response(status=status, body=raw, headers=headers, content_type=kind, charset=None)

        return handle

    def _answer(self, handler: Handler, request: web.Request, body: bytes) -> Answer:
        now = time.time()
        try:
            authorization = request.headers.get("Authorization", "")
            self._signing.verify(authorization, request.method, request.raw_path, body, now)
            errors = self._faults["wechat_errors"]
            if errors.meets("host", self._name) and random.random() < errors.number("ratio", 1.0):
                raise Refusal(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
            return handler(request, body, now)
        except Refusal as refusal:
            return refusal.status, {"code": refusal.code, "message": refusal.message}

    async def _slowness(self) -> None:
        slow = self._faults["wechat_slow"]
        if slow.meets("host", self._name):
            await asyncio.sleep(slow.number("seconds", 5.0))

    def _prepay(self, trade_type: str, key: str) -> Handler:
        def prepay(request: web.Request, body: bytes, now: float) -> Answer:
            return 200, {key: self._book.prepay(parse_prepay(body, trade_type), now)}

        return prepay

    def _query(self, request: web.Request, body: bytes, now: float) -> Answer:
        self._same_merchant(request.query.get("mchid", ""))
        return 200, self._book.trade(request.match_info["number"])

    def _query_transaction(self, request: web.Request, body: bytes, now: float) -> Answer:
        self._same_merchant(request.query.get("mchid", ""))
        return 200, self._book.trade_by_transaction(request.match_info["number"])

    def _close(self, request: web.Request, body: bytes, now: float) -> Answer:
        self._same_merchant(parse_close(body))
        self._book.close(request.match_info["number"])
        return 204, None

    def _refund(self, request: web.Request, body: bytes, now: float) -> Answer:
        taken = self._book.refund(parse_refund(body), now)
        self._wake()
        return 200, taken

    def _query_refund(self, request: web.Request, body: bytes, now: float) -> Answer:
        return 200, self._book.refunded(request.match_info["number"])

    def _transfer(self, request: web.Request, body: bytes, now: float) -> Answer:
        return 200, self._transfers.take(body, now)

    def _query_transfer(self, request: web.Request, body: bytes, now: float) -> Answer:
        return 200, self._transfers.show(request.match_info["number"], now)

    def _bill(self, request: web.Request, body: bytes, now: float) -> Answer:
        if self._faults["wechat_bills_down"].on:
            raise Refusal(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
        return 200, self._bills.offer(request.query, f"{request.scheme}://{request.host}", now)

    async def _download(self, request: web.Request) -> web.Response:
        """A bill's bytes: the request is signed, the answer is not (its hash is known)."""
        try:
            authorization = request.headers.get("Authorization", "")
            self._signing.verify(authorization, "GET", request.raw_path, b"", time.time())
            data = self._bills.file(request.query.get("token", ""))
        except Refusal as refusal:
            return web.json_response({"code": refusal.code, "message": refusal.message}, status=refusal.status)
        if self._faults["wechat_bills_damaged"].on:
            data = data[: len(data) // 2]
        return web.Response(body=data, content_type="application/octet-stream")

    def _same_merchant(self, mchid: str) -> None:
        if mchid != self._signing.mchid:
            raise Refusal(400, "PARAM_ERROR", "参数错误：mchid 与签名的商户号不一致")


def _unknown(request: web.Request, body: bytes, now: float) -> Answer:
    raise Refusal(404, "RESOURCE_NOT_EXISTS", "查询的资源不存在")


async def _healthy(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
