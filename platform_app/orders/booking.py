"""Booking: the slots are held in the transaction that makes the order."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Orders
from platform_app.kit.db import Db, error_kind
from platform_app.kit.outbox import publish
from platform_app.kit.problem import Problem
from platform_app.kit.times import local
from platform_app.orders import repository
from platform_app.orders.events import described, kind_of, targets_of
from platform_app.orders.slots import check_start, slots_of

TRIES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer asks for, and what the catalog says about it."""

    user_id: int
    starts_at: int
    address: str
    key: str
    offering: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A new order as a row; `id`, then the columns of orders_order by name."""

    id: int
    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError as error:
            raise AttributeError(name) from error


def plan(wish: Wish, rules: Orders, now: int) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The order's columns and its slots. Raises Problem 409 or 422 when the rules do not allow it. Pure but for `no`."""
    offer = wish.offering
    if not offer["active"]:
        raise Problem(409, "offering_inactive", "该服务已下架")
    check_start(wish.starts_at, offer["duration_minutes"], rules, now)
    if not rules.min_order_fen <= offer["price_fen"] <= rules.max_order_fen:
        raise Problem(422, "amount_out_of_range", "订单金额超出允许范围")
    values = {
        "no": local(now, "%y%m%d%H%M%S") + f"{secrets.randbelow(10**12):012d}",
        "user_id": wish.user_id,
        "provider_id": offer["provider_id"],
        "provider_user_id": offer["provider_user_id"],
        "provider_name": offer["provider_name"],
        "service_id": offer["service_id"],
        "service_name": offer["service_name"],
        "offering_id": offer["id"],
        "status": "held",
        "amount_fen": offer["price_fen"],
        "district": offer["district"],
        "address": wish.address,
        "starts_at": wish.starts_at,
        "ends_at": wish.starts_at + offer["duration_minutes"] * 60,
        "hold_until": now + int(rules.hold_minutes * 60),
        "created_at": now,
        "idempotency_key": wish.key or None,
    }
    return values, slots_of(wish.starts_at, offer["duration_minutes"], rules.travel_minutes)


async def hold(db: Db, wish: Wish, rules: Orders, now: int) -> tuple[Any, bool]:
    """Makes the order and holds its slots; (row, True), or (row, False) for a repeated idempotency key.

    Raises Problem 409 `slot_taken`. A hold that has run out but was not yet swept gives way.
    """
    values, slots = plan(wish, rules, now)
    for attempt in range(TRIES):
        try:
            async with db.transaction() as c:
                return await _insert(c, values, slots, now), True
        except IntegrityError:
            found = await _repeated(db, wish)
            if found is not None:
                return found, False
            if not await expire(db, now, values["provider_id"]):
                break
        except OperationalError as error:
            # MariaDB may pick a victim among three that want one slot; the victim simply asks again.
            if error_kind(error) != "locked" or db.is_sqlite or attempt == TRIES - 1:
                raise
    raise Problem(409, "slot_taken", "该时段已被预约,请选择其他时间")


async def _insert(c: AsyncConnection, values: dict[str, Any], slots: tuple[int, ...], now: int) -> Held:
    order_id = await repository.add(c, values)
    await repository.claim(c, values["provider_id"], slots, order_id, values["hold_until"])
    held = Held(order_id, values)
    payload = described(held, "held")
    await publish(c, "orders", kind_of("held"), payload, to=targets_of("held"), now=now)
    return held


async def _repeated(db: Db, wish: Wish) -> Any:
    if not wish.key:
        return None
    async with db.read() as c:
        return await repository.by_key(c, wish.user_id, wish.key)


async def expire(db: Db, now: int, provider_id: int = 0, limit: int = 200) -> int:
    """Ends the holds that have run out at `now`, and frees their slots; how many."""
    async with db.read() as c:
        ids = await repository.due(c, now, limit, provider_id)
    if not ids:
        return 0
    async with db.transaction() as c:
        moved = [await repository.move(c, i, "expire", now, "hold_expired") for i in ids]
    return sum(1 for row in moved if row is not None)
