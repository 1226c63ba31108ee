"""How many codes may be sent: by phone, by device, by client address, in all. Exact under concurrent requests.

A window begins with its first code. Who is refused does not count; a code that could not be sent is given back.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Users
from platform_app.kit.db import insert_and_hold
from platform_app.kit.problem import Problem
from platform_app.users.tables import sms_limit

DAY, HOUR = 86_400, 3_600
NAMES = ("interval", "phone", "device", "address", "day", "gateway")
"""What refuses a code, as `platform_sms_refused_total{limit}` counts it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in `seconds` for `key`, and `interval` seconds between two."""

    name: str
    key: str
    most: int
    seconds: int
    interval: int = 0


@dataclass(frozen=True, slots=True)
class Used:
    """A window: when it began, how many went out in it, when the last one did."""

    began_at: int = 0
    used: int = 0
    last_at: int = 0


class Refused(Problem):
    """429; `limit` names what refused, for the count."""

    def __init__(self, limit: str, code: str, detail: str, wait: int) -> None:
        super().__init__(429, code, detail, headers={"Retry-After": str(wait)}, retry_after=wait)
        self.limit = limit


def limits_of(rules: Users, phone: str, device: str, client: str, key: str) -> tuple[Limit, ...]:
    """The limits that a request comes under, always in the same order (so that locks are taken in one order)."""
    every = (
        Limit("phone", phone, rules.codes_per_day, DAY, rules.code_interval_seconds),
        Limit("device", device, rules.codes_per_device_per_day, DAY),
        Limit("address", network(client), rules.codes_per_address_per_hour, HOUR),
        Limit("day", "all", rules.codes_in_all_per_day, DAY),
    )
    return tuple(
        Limit(x.name, _hashed(x.name, x.key, key), x.most, x.seconds, x.interval)
        for x in every
        if x.key and (x.most or x.interval)
    )


def network(client: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 network of 64 bits; '' for what is none."""
    try:
        found = ipaddress.ip_address(client)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def take(limit: Limit, before: Used, now: int) -> Used:
    """The window after one more code. Raises Refused, with how long to wait. Pure."""
    wait = before.last_at + limit.interval - now
    if before.last_at and limit.interval and wait > 0:
        raise Refused("interval", "code_too_soon", f"请 {wait} 秒后再试", wait)
    if now >= before.began_at + limit.seconds:
        return Used(now, 1, now)
    if limit.most and before.used >= limit.most:
        raise _spent(limit, before.began_at + limit.seconds - now)
    return Used(before.began_at, before.used + 1, now)


async def admit(connection: AsyncConnection, limits: Sequence[Limit], now: int) -> None:
    """Counts one code under all limits, or none. Raises Refused."""
    t = sms_limit
    for limit in limits:
        row = {"name": limit.name, "key_hash": limit.key, "began_at": 0, "used": 0, "last_at": 0}
        await connection.execute(insert_and_hold(connection, t, row))
        mine = (t.c.name == limit.name) & (t.c.key_hash == limit.key)
        found = (await connection.execute(select(t).where(mine))).one()
        after = take(limit, Used(found.began_at, found.used, found.last_at), now)
        values = {"began_at": after.began_at, "used": after.used, "last_at": after.last_at}
        await connection.execute(update(t).where(mine).values(values))


async def give_back(connection: AsyncConnection, limits: Sequence[Limit]) -> None:
    """A code that could not be sent does not count, and the next may be asked for at once."""
    t = sms_limit
    for limit in limits:
        mine = (t.c.name == limit.name) & (t.c.key_hash == limit.key) & (t.c.used > 0)
        values = {"used": t.c.used - 1} | ({"last_at": 0} if limit.interval else {})
        await connection.execute(update(t).where(mine).values(values))


def _hashed(name: str, value: str, key: str) -> str:
    return hmac.new(key.encode(), f"limit:{name}:{value}".encode(), hashlib.sha256).hexdigest()


def _spent(limit: Limit, wait: int) -> Refused:
    minutes = -(-wait // 60)
    codes = {
        "phone": ("code_limit", "该手机号今日验证码次数已用完"),
        "device": ("code_device_limit", "该设备今日获取验证码的次数已用完"),
        "address": ("code_address_limit", f"当前网络获取验证码过于频繁,请 {minutes} 分钟后再试"),
        "day": ("code_day_limit", "今日短信发送量已达上限,请稍后再试"),
    }
    code, text = codes[limit.name]
    return Refused(limit.name, code, text, wait)
