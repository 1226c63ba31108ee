"""Sixty days of orders, payments and visits, with a daily and a weekly rhythm, up to this very second."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any

from platform_app.kit.times import day_of, local
from platform_app.seed.people import CUSTOMERS, DAY, FIRST_CUSTOMER, People, address

DAYS = 60
HOURS = (1, 1, 0.5, 0.5, 0.5, 1, 3, 6, 11, 15, 16, 13, 10, 11, 14, 15, 13, 11, 11, 14, 16, 13, 8, 3)
"""How many people order at each hour of the day in Shanghai, in proportion."""
WEEK = (0.94, 0.92, 0.93, 0.97, 1.05, 1.2, 1.14)
"""Monday to Sunday, in proportion."""
HOLD, GRAIN, TRAVEL = 900, 1800, 30


@dataclass(slots=True)
class History:
    """Rows for the tables."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    slots: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    activity: list[dict[str, Any]] = field(default_factory=list)


def history(random: Random, people: People, first_day: int, now: int) -> History:
    """What happened from `first_day` (a midnight in Shanghai) to `now`. Same arguments, same history."""
    found = History()
    taken: set[tuple[int, int]] = set()
    pick = _Picker(people)
    for day in range(DAYS + 1):
        start = first_day + day * DAY
        if start > now:
            break
        moments = [at for at in _moments(random, start, day) if at <= now]
        seen: dict[int, int] = {}
        for at in moments:
            row = _order(random, people, pick, taken, at, now, len(found.orders) + 1)
            if row is not None:
                seen[row["user_id"]] = at
                found.orders.append(row)
                found.payments += _payments(random, row, len(found.payments))
        _visits(random, seen, start, now)
        found.activity += [{"user_id": u, "day": day_of(start), "at": at} for u, at in seen.items()]
    found.slots = _slots(found.orders, people, now)
    return found


class _Picker:
    """Chooses offerings by popularity and rating, fast."""

    def __init__(self, people: People) -> None:
        weights = [w * (o["rating_x100"] / 100 - 3) for w, o in zip(people.weights, people.offerings, strict=True)]
        self._cumulative = list(accumulate(weights))
        self._offerings = people.offerings

    def __call__(self, random: Random) -> dict[str, Any]:
        found: dict[str, Any] = random.choices(self._offerings, cum_weights=self._cumulative)[0]
        return found


def _moments(random: Random, start: int, day: int) -> list[int]:
    """When orders are made on a day: 150 to 250 of them, slowly growing over the weeks."""
    weekday = (start + 8 * 3600) // DAY + 3
    size = round(186 * (1 + 0.1 * day / DAYS) * WEEK[weekday % 7] * random.uniform(0.93, 1.07))
    hours = random.choices(range(24), weights=HOURS, k=size)
    return sorted(start + h * 3600 + random.randint(0, 3599) for h in hours)


def _order(
    random: Random, people: People, pick: _Picker, taken: set[tuple[int, int]], at: int, now: int, number: int
) -> dict[str, Any] | None:
    offer = pick(random)
    minutes = people.services[offer["service_id"] - 1]["duration_minutes"]
    starts_at = _free_start(random, taken, offer["provider_id"], at, minutes)
    if starts_at is None:
        return None
    regular = random.random() < 0.4
    customer = FIRST_CUSTOMER + (random.randrange(CUSTOMERS // 8) if regular else random.randrange(CUSTOMERS))
    row = {
        "id": number,
        "no": local(at, "%y%m%d%H%M%S") + f"{number:012d}",
        "user_id": customer,
        "provider_id": offer["provider_id"],
        "provider_user_id": offer["provider_user_id"],
        "provider_name": offer["provider_name"],
        "service_id": offer["service_id"],
        "service_name": people.services[offer["service_id"] - 1]["name"],
        "offering_id": offer["id"],
        "amount_fen": offer["price_fen"],
        "district": offer["district"],
        "address": address(random, offer["district"]),
        "starts_at": starts_at,
        "ends_at": starts_at + minutes * 60,
        "hold_until": at + HOLD,
        "created_at": at,
        **_fate(random, at, starts_at, starts_at + minutes * 60, now),
    }
    if row["status"] in ("paid", "accepted", "completed"):
        taken.update((offer["provider_id"], s) for s in _half_hours(starts_at, minutes))
    return row


def _free_start(random: Random, taken: set[tuple[int, int]], provider: int, at: int, minutes: int) -> int | None:
    """A half hour of the next days at which this provider is free for long enough."""
    for _ in range(6):
        ahead = random.choices((0, 1, 2, 3, 4, 5, 6), weights=(3, 9, 6, 4, 3, 2, 2))[0]
        midnight = (at + 8 * 3600) // DAY * DAY - 8 * 3600 + ahead * DAY
        latest = min(20 * 3600, 22 * 3600 - minutes * 60)
        start = midnight + random.randrange(8 * 3600, latest + 1, GRAIN)
        if start > at + 5400 and not any((provider, s) in taken for s in _half_hours(start, minutes)):
            return start
    return None


def _half_hours(starts_at: int, minutes: int) -> range:
    return range(starts_at, starts_at + (minutes + TRAVEL) * 60, GRAIN)


def _fate(random: Random, at: int, starts_at: int, ends_at: int, now: int) -> dict[str, Any]:
    """What became of an order by `now`. Steps that lie ahead have not happened yet."""
    fate: dict[str, Any] = dict.fromkeys(("paid_at", "accepted_at", "completed_at", "cancelled_at", "cancel_reason"))
    fate["paid_trade_no"] = None
    luck = random.random()
    paid_at, decided_at = at + random.randint(15, 500), at + random.randint(20, 800)
    accepted_at = paid_at + random.randint(60, 3600)
    given_up = random.randint(accepted_at, max(accepted_at + 1, starts_at - 7200))
    if luck < 0.07:
        return {**fate, **_ended("expired", at + HOLD, "hold_expired", now)}
    if luck < 0.11:
        return {**fate, **_ended("cancelled", decided_at, "by_customer", now)}
    if paid_at > now:
        return {**fate, "status": "held"}
    fate |= {"status": "paid", "paid_at": paid_at}
    if accepted_at <= now and luck > 0.125:
        fate |= {"status": "accepted", "accepted_at": accepted_at}
    if luck < 0.15 and given_up <= now:
        reason = "by_provider" if luck <= 0.125 else "by_customer"
        return {**fate, "status": "refunded", "cancelled_at": given_up, "cancel_reason": reason}
    if ends_at <= now and fate["status"] == "accepted":
        fate |= {"status": "completed", "completed_at": ends_at + random.randint(-600, 900)}
        fate["completed_at"] = min(fate["completed_at"], now)
    return fate


def _ended(status: str, when: int, reason: str, now: int) -> dict[str, Any]:
    if when > now:
        return {"status": "held"}
    return {"status": status, "cancelled_at": when, "cancel_reason": reason}


def _payments(random: Random, row: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The attempts to pay for an order: now and then one fails first; one that nobody paid is closed."""
    found: list[dict[str, Any]] = []
    if row["paid_at"] is None:
        if row["status"] == "expired" and random.random() < 0.6:
            failed = random.random() < 0.35
            found.append(_payment(row, count + 1, 1, "failed" if failed else "closed", row["created_at"] + 30))
        return found
    if random.random() < 0.02:
        found.append(_payment(row, count + 1, 1, "failed", row["created_at"] + 5))
    status = "refunded" if row["status"] == "refunded" else "succeeded"
    attempt = len(found) + 1
    found.append(_payment(row, count + attempt, attempt, status, max(row["created_at"] + 6, row["paid_at"] - 20)))
    row["paid_trade_no"] = found[-1]["out_trade_no"]
    return found


def _payment(row: dict[str, Any], number: int, attempt: int, status: str, at: int) -> dict[str, Any]:
    paid = status in ("succeeded", "refunded")
    return {
        "id": number,
        "order_id": row["id"],
        "attempt": attempt,
        "user_id": row["user_id"],
        "out_trade_no": f"{row['no']}{number % 100:02d}",
        "channel": "wechat_native",
        "gateway": "primary",
        "amount_fen": row["amount_fen"],
        "status": status,
        "created_at": at,
        "expires_at": row["hold_until"],
        "refund_status": "done" if status == "refunded" else None,
        "refunded_at": row["cancelled_at"] if status == "refunded" else None,
        "succeeded_at": row["paid_at"] if paid else None,
        "failed_at": at + 1 if status == "failed" else None,
        "transaction_id": f"42000{number:023d}" if paid else None,
    }


def _visits(random: Random, seen: dict[int, int], start: int, now: int) -> None:
    """Those who came and only looked; `seen` holds when each person was last there that day."""
    weekday = ((start + 8 * 3600) // DAY + 3) % 7
    share = min(1.0, (now - start) / DAY)
    for _ in range(round(420 * WEEK[weekday] * random.uniform(0.92, 1.08) * share)):
        hour = random.choices(range(24), weights=HOURS)[0]
        at = start + hour * 3600 + random.randint(0, 3599)
        customer = FIRST_CUSTOMER + random.randrange(CUSTOMERS)
        if at <= now:
            seen[customer] = max(at, seen.get(customer, 0))


def _slots(orders: list[dict[str, Any]], people: People, now: int) -> list[dict[str, Any]]:
    """The half hours of what still lies ahead; two orders never share one."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for row in orders:
        if row["status"] in ("held", "paid", "accepted") and row["ends_at"] > now:
            hold = row["hold_until"] if row["status"] == "held" else None
            for at in _half_hours(row["starts_at"], (row["ends_at"] - row["starts_at"]) // 60):
                key = {"provider_id": row["provider_id"], "slot_at": at}
                kept = {**key, "order_id": row["id"], "hold_until": hold, "ends_at": row["ends_at"]}
                found.setdefault((row["provider_id"], at), kept)
    return list(found.values())
