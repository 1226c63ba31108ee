"""Payments and orders as they really run, with the sandbox beside them: real ports, real SDK, one event loop."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Row, select

from platform_app.kit.config import ConfigFolder, secret
from platform_app.kit.db import sync_engine
from platform_app.kit.process import bind
from platform_app.kit.service import Service
from platform_app.kit.tokens import Principal, issue
from platform_app.orders import repository as orders_repository
from platform_app.orders.app import create as create_orders
from platform_app.orders.tables import order
from platform_app.payments import repository, wallet
from platform_app.payments.app import create as create_payments
from platform_app.payments.checks import Checks
from platform_app.payments.recompute import Difference, differences
from platform_app.payments.refund_checks import RefundChecks
from platform_app.payments.tables import event, payment
from platform_app.sandbox.wechat.signing import Signing
from platform_app.sandbox.world import World, signing_of
from tests.platform_app.sandbox.serving import serving

CUSTOMER = Principal(1001, "customer")
HOUR = 3600
_numbers = itertools.count(1)


@asynccontextmanager
async def running(app: FastAPI, address: str) -> AsyncIterator[Service]:
    """A service that listens, until the block ends."""
    settings = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(settings)
    task = asyncio.create_task(server.serve(sockets=[bind("test", address)]))
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        yield app.state.service
    finally:
        server.should_exit = True
        await task


@dataclass(frozen=True)
class Town:
    """The running services, and what tests do with them."""

    folder: ConfigFolder
    world: World
    payments: Service
    orders: Service
    http: aiohttp.ClientSession

    async def order(self, amount_fen: int = 12800, hold_seconds: int = 900) -> int:
        """A held order of CUSTOMER's; its id."""
        number, now = next(_numbers), int(time.time())
        values = {
            "no": f"20261123{number:010d}",
            "user_id": CUSTOMER.user_id,
            "provider_id": number,
            "provider_user_id": 7,
            "provider_name": "王阿姨",
            "service_id": 1,
            "service_name": "日常保洁",
            "offering_id": 1,
            "status": "held",
            "amount_fen": amount_fen,
            "district": "西湖区",
            "address": "文三路 1 号",
            "starts_at": now + 48 * HOUR,
            "ends_at": now + 50 * HOUR,
            "hold_until": now + hold_seconds,
            "created_at": now,
        }
        async with self.orders.db.transaction() as c:
            return await orders_repository.add(c, values)

    async def call(self, method: str, path: str, body: object = None, who: Principal = CUSTOMER) -> tuple[int, Any]:
        """A customer's call to payments."""
        return await self.send(self.payments, method, path, body, issue(self.folder.config, who, int(time.time())))

    async def inside(self, path: str, body: object) -> tuple[int, Any]:
        """A neighbour's call to payments."""
        return await self.send(self.payments, "POST", path, body, secret(self.folder.config.internal.token_file))

    async def cancel(self, order_id: int) -> int:
        """The customer cancels the order."""
        token = issue(self.folder.config, CUSTOMER, int(time.time()))
        return (await self.send(self.orders, "POST", f"/api/v1/orders/{order_id}/cancel", {}, token))[0]

    async def send(self, service: Service, method: str, path: str, body: object, token: str) -> tuple[int, Any]:
        url = f"http://{self.folder.config.services[service.name]}{path}"
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def pay(self, order_id: int, channel: str = "wechat_native", **more: str) -> tuple[int, Any]:
        return await self.call("POST", f"/api/v1/orders/{order_id}/pay", {"channel": channel, **more})

    async def keyed(self, path: str, body: object, key: str, who: Principal = CUSTOMER) -> tuple[int, Any]:
        """A call with an idempotency key."""
        token = issue(self.folder.config, who, int(time.time()))
        url = f"http://{self.folder.config.services['payments']}/api/v1{path}"
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with self.http.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def alipay(self, client: dict[str, str], pay: bool = True) -> int:
        """The customer's Alipay opens what the shop gave it, and pays."""
        url = f"http://{self.folder.config.sandbox.listen}/phone/alipay"
        body = {"order": client.get("order_string") or client["pay_url"], "pay": pay}
        async with self.http.post(url, json=body) as answer:
            return answer.status

    async def wechat(self, **given: Any) -> int:
        """The customer's WeChat is called by a page or an app."""
        async with self.http.post(f"http://{self.folder.config.sandbox.listen}/phone/pay", json=given) as answer:
            return answer.status

    async def credit(self, user_id: int, amount_fen: int) -> None:
        """Money in a wallet, without a channel."""
        async with self.payments.db.transaction() as c:
            own = f"gift:{next(_numbers)}"
            await wallet.change(c, wallet.Change(user_id, "top_up", amount_fen, own, "gift"), int(time.time()))

    async def balance(self, user_id: int = CUSTOMER.user_id) -> wallet.Balance:
        """A wallet, whose entries say the same."""
        async with self.payments.db.read() as c:
            found = await wallet.balance(c, user_id)
            assert found == await wallet.summed(c, user_id)
        return found

    async def refund_tick(self, later: int = 1) -> None:
        """The refund loop's tick, as it will be `later` seconds from now."""
        await RefundChecks(self.payments).tick(int(time.time()) + later)

    async def settled(self, out_trade_no: str, refunded_fen: int) -> Row[Any]:
        """Waits until so much of an attempt has gone back."""
        async with asyncio.timeout(15):
            while True:
                async with self.payments.db.read() as c:
                    found = await repository.by_trade_no(c, out_trade_no)
                if found is not None and found.refunded_fen == refunded_fen:
                    return found
                await asyncio.sleep(0.05)

    def recomputed(self) -> list[Difference]:
        """Where rows say otherwise than their events."""
        engine = sync_engine(self.folder.config.database_url)
        with engine.connect() as c:
            found = differences(c)[0]
        engine.dispose()
        return found

    async def scan(self, code_url: str) -> int:
        """The customer's phone pays."""
        url = f"http://{self.folder.config.sandbox.listen}/phone/pay"
        async with self.http.post(url, json={"code_url": code_url}) as answer:
            return answer.status

    async def fault(self, name: str, **parameters: Any) -> None:
        url = f"http://{self.folder.config.sandbox.admin_listen}/faults/{name}"
        async with self.http.put(url, json={"on": True, **parameters}) as answer:
            assert answer.status == 200

    async def notify(self, body: bytes, headers: dict[str, str]) -> int:
        """A notification from the channel, or from somebody who plays the channel."""
        url = self.folder.config.payments.notify_url
        async with self.http.post(url, data=body, headers=headers) as answer:
            return answer.status

    def notice(
        self, resource: dict[str, Any], number: str, kind: str = "TRANSACTION.SUCCESS", by: Signing | None = None
    ) -> bytes:
        """A notification's body, sealed by the true key or another's."""
        original = "transaction" if kind.startswith("T") else "refund"
        sealed = (by or signing_of(self.folder.config)).seal(orjson.dumps(resource), original)
        return orjson.dumps({"id": number, "event_type": kind, "resource_type": "encrypt-resource", "resource": sealed})

    async def row(self, order_id: int) -> Row[Any]:
        """The newest attempt at an order."""
        async with self.payments.db.read() as c:
            found = await repository.latest(c, order_id)
        assert found is not None
        return found

    async def count(self) -> int:
        """How many attempts there are."""
        async with self.payments.db.read() as c:
            return len((await c.execute(select(payment.c.id))).all())

    async def events(self, payment_id: int) -> list[str]:
        async with self.payments.db.read() as c:
            query = select(event.c.kind).where(event.c.payment_id == payment_id).order_by(event.c.id)
            return list((await c.execute(query)).scalars())

    async def check(self, later: int) -> None:
        """The check loop's tick, as it will be `later` seconds from now."""
        await Checks(self.payments).tick(int(time.time()) + later)

    async def until_order(self, order_id: int, status: str) -> None:
        """Waits until the order has come to `status`."""
        async with asyncio.timeout(10):
            while await self.order_status(order_id) != status:
                await asyncio.sleep(0.05)

    async def order_status(self, order_id: int) -> str:
        async with self.orders.db.read() as c:
            return str((await c.execute(select(order.c.status).where(order.c.id == order_id))).scalar_one())

    async def until(self, order_id: int, status: str) -> Row[Any]:
        """Waits until the order's newest attempt has come to `status`."""
        async with asyncio.timeout(10):
            while (row := await self.row(order_id)).status != status:
                await asyncio.sleep(0.05)
        return row

    def counted(self, result: str, gateway: str = "primary") -> float:
        """booking_payments_total of wechat_native."""
        labels = {"channel": "wechat_native", "gateway": gateway, "result": result}
        return self.payments.metrics.registry.get_sample_value("booking_payments_total", labels) or 0.0


@asynccontextmanager
async def build(folder: ConfigFolder) -> AsyncIterator[Town]:
    """The town while it runs."""
    services = folder.config.services
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(serving(folder.config))
        orders = await stack.enter_async_context(running(create_orders(ConfigFolder(folder.path)), services["orders"]))
        payments_app = create_payments(ConfigFolder(folder.path))
        payments = await stack.enter_async_context(running(payments_app, services["payments"]))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Town(folder, world, payments, orders, http)
