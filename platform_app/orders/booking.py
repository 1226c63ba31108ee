"""Booking: the slots are held in the transaction that makes the order.

Four statements: the provider's time (locked), the order, its slots (many rows of one INSERT), the event.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.catalog.offers import default_offer
from platform_app.catalog.pricing import Choice, quote
from platform_app.kit.config import Orders
from platform_app.kit.db import Db, error_kind
from platform_app.kit.outbox import publish
from platform_app.kit.problem import Problem
from platform_app.kit.times import local
from platform_app.orders import availability, repository
from platform_app.orders.availability import Time, Times
from platform_app.orders.events import described, kind_of, targets_of
from platform_app.orders.places import Place, stored
from platform_app.orders.slots import Ask, check_grid, check_start, conflict, slots_of, window, works

TRIES = 3
FIRST_ITEM = Choice()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer asks for, and what the catalog says about it. An operator (`free_hand`) may book any time that
    is not taken. `expected_fen`: what the customer was told it costs; 0 = nothing."""

    user_id: int
    starts_at: int
    address: str
    key: str
    offering: dict[str, Any]
    choice: Choice = FIRST_ITEM
    place: Place | None = None
    expected_fen: int = 0
    free_hand: bool = False


class Taken(Problem):
    """Somebody else has this time, or it leaves none for the way."""

    def __init__(self, code: str = "slot_taken", detail: str = "该时段已被预约,请选择其他时间") -> None:
        super().__init__(409, code, detail)


class Stale(Exception):
    """Holds that have run out lie in the way, or there is no row to lock yet: put that right and try again."""

    def __init__(self, missing: bool) -> None:
        super().__init__(missing)
        self.missing = missing


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
    """The order's columns and its slots. Raises Problem 409 or 422 when the offer or the amount do not allow it.

    Pure but for `no`. Whether the time is right is checked by `check`, which knows the calendar.
    """
    offer = wish.offering
    if not offer["active"]:
        raise Problem(409, "offering_inactive", "该服务已下架")
    priced = quote(offer.get("offer") or default_offer(offer), wish.choice)
    if not rules.min_order_fen <= priced.total_fen <= rules.max_order_fen:
        raise Problem(422, "amount_out_of_range", "订单金额超出允许范围")
    if wish.expected_fen and wish.expected_fen != priced.total_fen:
        raise Problem(409, "price_changed", "价格已变动,请确认新价格", total_fen=priced.total_fen)
    chosen = {**priced.document(), "options": [{"id": i, "count": n} for i, n in wish.choice.options]}
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
        "amount_fen": priced.total_fen,
        "district": wish.choice.district or offer["district"],
        "address": wish.address,
        "starts_at": wish.starts_at,
        "ends_at": wish.starts_at + priced.minutes * 60,
        "hold_until": now + int(rules.hold_minutes * 60),
        "created_at": now,
        "idempotency_key": wish.key or None,
        "lat_e6": wish.place.lat_e6 if wish.place else None,
        "lng_e6": wish.place.lng_e6 if wish.place else None,
        "quote": orjson.dumps(chosen).decode(),
    }
    return values, slots_of(wish.starts_at, priced.minutes, rules.travel_minutes)


async def hold(db: Db, times: Times, wish: Wish, rules: Orders, now: int) -> tuple[Any, bool]:
    """Makes the order and holds its slots; (row, True), or (row, False) for a repeated idempotency key.

    Raises Problem 409 `slot_taken`, `slot_too_near`, 422 `bad_time`. A hold that has run out but was not yet swept
    gives way.
    """
    values, slots = plan(wish, rules, now)
    for attempt in range(TRIES):
        try:
            async with db.transaction() as c:
                start, end = window(values["starts_at"], values["ends_at"], rules)
                time = await times.locked(c, values["provider_id"], start, end, rules, now)
                check(time, values, slots, rules, now, wish.free_hand)
                return await _insert(c, values, slots, now), True
        except Stale as stale:
            await _put_right(db, values["provider_id"], stale, now)
        except (IntegrityError, Taken) as error:
            found = await _repeated(db, wish)
            if found is not None:
                return found, False
            if isinstance(error, Taken):
                raise
        except OperationalError as error:
            if error_kind(error) != "locked" or db.is_sqlite or attempt == TRIES - 1:
                raise
    raise Taken


def check(
    time: Time | None, values: dict[str, Any], slots: tuple[int, ...], rules: Orders, now: int, free_hand: bool = False
) -> None:
    """The rules by which starts are offered, once more, on what is locked. Raises Stale, Taken or Problem 422."""
    if time is None or time.stale:
        raise Stale(time is None)
    starts_at, minutes = values["starts_at"], (values["ends_at"] - values["starts_at"]) // 60
    if free_hand:
        check_grid(starts_at)
    else:
        check_start(starts_at, minutes, rules, now, time.calendar)
    if not time.busy.taken.isdisjoint(slots):
        raise Taken
    ask = Ask(minutes, stored(values["lat_e6"], values["lng_e6"]))
    if not free_hand and conflict(starts_at, ask, time.busy, rules) is not None:
        raise Taken("slot_too_near", "该时段前后的预约较远,服务者来不及赶到,请选择其他时间")


def reclaimable(time: Time | None, row: Any, slots: tuple[int, ...], rules: Orders) -> bool:
    """Whether an expired order's time could be booked still: it was promised, so notice and days ahead don't matter."""
    if time is None:
        return True
    minutes = (row.ends_at - row.starts_at) // 60
    ask = Ask(minutes, stored(row.lat_e6, row.lng_e6))
    free = time.busy.taken.isdisjoint(slots) and conflict(row.starts_at, ask, time.busy, rules) is None
    return free and works(time.calendar, row.starts_at, minutes)


async def _put_right(db: Db, provider_id: int, stale: Stale, now: int) -> None:
    if not stale.missing:
        await expire(db, now, provider_id)
        return
    async with db.transaction() as c:
        await availability.begin(c, provider_id, now)


async def _insert(c: AsyncConnection, values: dict[str, Any], slots: tuple[int, ...], now: int) -> Held:
    order_id = await repository.add(c, values)
    held = Held(order_id, values)
    await repository.claim(c, held, slots, values["hold_until"])
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
