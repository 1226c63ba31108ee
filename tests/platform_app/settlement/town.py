"""WeChat's sandbox with a day's business in its book, and ours beside it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from platform_app.kit.config import ConfigFolder, PlatformConfig
from platform_app.kit.db import Db
from platform_app.kit.times import day_of, midnight
from platform_app.sandbox.wechat.book import Book
from platform_app.sandbox.wechat.requests import Prepay, RefundRequest
from platform_app.sandbox.world import World
from platform_app.settlement.facts import Fact
from platform_app.settlement.wechat import WeChat
from tests.platform_app.sandbox.serving import serving
from tests.platform_app.settlement.books import paid, refunded, take

NOW = int(time.time())
YESTERDAY = day_of(NOW - 86_400)
NOON = midnight(YESTERDAY) + 12 * 3_600


@dataclasses.dataclass(frozen=True)
class Town:
    """The running sandbox, the books, and what tests do with them."""

    config: PlatformConfig
    world: World
    db: Db
    http: aiohttp.ClientSession

    @property
    def wechat(self) -> WeChat:
        return WeChat(self.config)

    @property
    def book(self) -> Book:
        return Book(self.world.store, self.config.payments.appid, self.config.payments.mchid)

    def there(self, number: str, fen: int, at: int = NOON) -> None:
        """A customer pays at WeChat."""
        pay = self.config.payments
        wish = Prepay(pay.appid, pay.mchid, "保洁", number, "http://127.0.0.1:9/none", fen, None, at + 900.0)
        self.book.pay(self.book.prepay(wish, at), at)

    def back(self, number: str, fen: int, total: int, at: int = NOON) -> None:
        """WeChat gives money back."""
        self.book.refund(RefundRequest(f"R{number}", None, number, "取消", None, fen, total), at)
        self.book.finish_refunds(at + 2)

    async def both(self, count: int, fen: int = 12_800) -> None:
        """Orders 1 … count paid on both sides, every third given back."""
        for n in range(1, count + 1):
            number = f"T{n:08d}"
            self.there(number, fen + n)
            await take(self.db, paid(n, fen + n, at=NOON))
            if n % 3 == 0:
                self.back(number, fen + n, fen + n)
                await take(self.db, refunded(n, fen + n, at=NOON))

    async def admin(self, method: str, path: str, body: object = None) -> Any:
        url = f"http://{self.config.sandbox.admin_listen}{path}"
        async with self.http.request(method, url, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def fault(self, name: str, on: bool = True) -> None:
        await self.admin("PUT", f"/faults/{name}", {"on": on})

    async def ours(self, *facts: Fact) -> None:
        await take(self.db, *facts)


@asynccontextmanager
async def town_of(folder: ConfigFolder) -> AsyncIterator[Town]:
    """The town while it runs."""
    db = Db(folder.config.database_url)
    async with serving(folder.config) as world, aiohttp.ClientSession() as http:
        yield Town(folder.config, world, db, http)
    await db.close()
