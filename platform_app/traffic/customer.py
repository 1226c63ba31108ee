"""A customer's story: look around, book, pay, sometimes think better of it."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta
from random import Random
from typing import Any

from platform_app.kit.times import day_of
from platform_app.seed.city import DISTRICTS
from platform_app.seed.people import address
from platform_app.traffic import choice
from platform_app.traffic.api import Api, Reply
from platform_app.traffic.jobs import Job, Jobs
from platform_app.traffic.logins import Logins
from platform_app.traffic.people import next_customer

PAY_TRIES = 3
DAY = int(timedelta(days=1).total_seconds())


class Customer:
    """One phone in use after the other: `story` plays one visit and tells how it ended."""

    def __init__(self, api: Api, logins: Logins, jobs: Jobs, chance: Random) -> None:
        self._api = api
        self._logins = logins
        self._jobs = jobs
        self._chance = chance

    async def story(self) -> str:
        """One visit from opening the app to leaving it; returns how it ended."""
        phone = next_customer(self._chance, self._logins.known())
        token = await self._logins.token(phone)
        if not token:
            return "not_logged_in"
        if self._chance.random() < 0.12:
            return await self._look_around(phone, token)
        offering, start = await self._find()
        if offering is None:
            return "nothing_found"
        order = await self._book(phone, token, offering, start)
        if order is None:
            return "not_booked"
        return await self._settle(token, order)

    async def _look_around(self, phone: str, token: str) -> str:
        await self._api.call("categories", "GET", "/categories")
        await self._api.call("search", "GET", "/offerings", query=choice.query(self._chance, DISTRICTS))
        reply = await self._api.call("messages", "GET", "/messages", token=token)
        if reply.status == 401:
            self._logins.forget(phone)
        return "looked_around"

    async def _find(self) -> tuple[dict[str, Any] | None, str]:
        wish = choice.query(self._chance, DISTRICTS)
        found = (await self._api.call("search", "GET", "/offerings", query=wish)).items()
        if not found:
            return None, ""
        offering = self._chance.choice(found)
        provider = offering["provider_id"]
        if self._chance.random() < 0.1:
            await self._api.call("provider", "GET", f"/providers/{provider}")
        day = day_of(int(time.time()) + choice.days_ahead(self._chance) * DAY)
        slots = await self._api.call("slots", "GET", f"/providers/{provider}/slots", query={"day": day})
        starts = choice.free_starts(slots.items(), offering["duration_minutes"])
        return (offering, self._chance.choice(starts)) if starts else (None, "")

    async def _book(self, phone: str, token: str, offering: dict[str, Any], start: str) -> dict[str, Any] | None:
        wish = {"offering_id": offering["id"], "starts_at": start}
        wish["address"] = address(self._chance, offering["district"])
        key = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        reply = await self._api.call("book", "POST", "/orders", token=token, json=wish, key=f"{key}-{time.time():.0f}")
        if reply.status == 401:
            self._logins.forget(phone)
        return dict(reply.data) if reply.ok else None

    async def _settle(self, token: str, order: dict[str, Any]) -> str:
        roll = self._chance.random()
        if roll < 0.05:
            return await self._cancel(token, order, "改期")
        if roll < 0.08:
            return "left_unpaid"
        reply = await self._pay(token, order)
        if not reply.ok:
            await self._cancel(token, order, "支付失败")
            return "payment_failed"
        scanned = await self._api.phone("phone_pay", "POST", "/phone/pay", {"code_url": reply.data["code_url"]})
        if not scanned.ok:
            return "phone_failed"
        if not await self._confirmed(token, order):
            return "not_confirmed"
        if self._chance.random() < 0.06:
            return await self._cancel(token, order, "临时有事")
        self._jobs.add(Job(order["id"], order["provider_id"], time.time()))
        return "paid"

    async def _pay(self, token: str, order: dict[str, Any]) -> Reply:
        """Asks for a code; a customer whose payment fails tries again before giving up."""
        reply = Reply(0)
        for attempt in range(PAY_TRIES):
            if attempt:
                await asyncio.sleep(1.0)
            wish = {"channel": "wechat_native"}
            reply = await self._api.call("pay", "POST", f"/orders/{order['id']}/pay", token=token, json=wish)
            if reply.ok or reply.result == "refused":
                break
        return reply

    async def _confirmed(self, token: str, order: dict[str, Any]) -> bool:
        for wait in (1.5, 3.0, 8.0):
            await asyncio.sleep(wait)
            reply = await self._api.call("order", "GET", f"/orders/{order['id']}", token=token)
            if reply.ok and reply.data["status"] == "paid":
                return True
        return False

    async def _cancel(self, token: str, order: dict[str, Any], reason: str) -> str:
        path = f"/orders/{order['id']}/cancel"
        reply = await self._api.call("cancel", "POST", path, token=token, json={"reason": reason})
        return "cancelled" if reply.ok else "not_cancelled"
