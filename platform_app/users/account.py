"""What happens to an account: a new name, a new phone, its end, and the copy of its data that its owner may take."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.outbox import publish
from platform_app.kit.problem import Problem
from platform_app.kit.times import iso
from platform_app.kit.versions import check_version
from platform_app.users import addresses, sessions
from platform_app.users.tables import address, code, idempotency, retained, session, user

KEPT_SECONDS = 3 * 365 * 86_400
"""For three years a claim about a past order must be answerable (E-commerce Law of the PRC, article 31)."""


async def rename(
    c: AsyncConnection, user_id: int, name: str, if_match: str, version: int | None, *, needed: bool = True
) -> Row[Any]:
    """A new name. Raises Problem 409, 412, 428 by the version."""
    row = await _held(c, user_id)
    check_version(row.version, if_match, version, needed=needed)
    await c.execute(update(user).where(user.c.id == user_id).values(name=name, version=row.version + 1))
    return await _held(c, user_id)


async def move_phone(c: AsyncConnection, user_id: int, phone: str) -> Row[Any]:
    """A new phone, whose code was right. Raises Problem 409 when somebody else has it."""
    row = await _held(c, user_id)
    taken = (await c.execute(select(user.c.id).where(user.c.phone == phone))).scalar()
    if taken not in (None, user_id):
        raise phone_taken()
    try:
        await c.execute(update(user).where(user.c.id == user_id).values(phone=phone, version=row.version + 1))
    except IntegrityError as error:  # somebody registered with it at this moment
        raise phone_taken() from error
    return await _held(c, user_id)


def phone_taken() -> Problem:
    return Problem(409, "phone_taken", "该手机号已绑定其他账号")


async def close(c: AsyncConnection, user_id: int, key: str, now: int) -> None:
    """Ends an account: logins, name, phone, addresses and codes go. The row stays, and a keyed hash of the phone."""
    row = await _held(c, user_id)
    await sessions.end_all(c, user_id, "deleted", now)
    blank = {"phone": f"deleted:{user_id}"[:20], "name": "已注销用户", "deleted_at": now, "default_address_id": None}
    await c.execute(update(user).where(user.c.id == user_id).values(**blank, version=row.version + 1))
    await c.execute(delete(address).where(address.c.user_id == user_id))
    await c.execute(delete(idempotency).where(idempotency.c.user_id == user_id))
    await c.execute(delete(code).where(code.c.phone == row.phone))
    quiet = {"name": "", "app": "", "user_agent": "", "device_hash": ""}
    await c.execute(update(session).where(session.c.user_id == user_id).values(quiet))
    kept = {"phone_hash": phone_hash(row.phone, key), "deleted_at": now, "keep_until": now + KEPT_SECONDS}
    await c.execute(insert(retained).values(user_id=user_id, **kept))
    await publish(c, "users", "user.deleted", {"user_id": user_id}, now=now)


def phone_hash(phone: str, key: str) -> str:
    """By what a deleted account is found when its owner gives the phone number."""
    return hmac.new(key.encode(), f"retained:{phone}".encode(), hashlib.sha256).hexdigest()


async def export(c: AsyncConnection, row: Row[Any], now: int) -> dict[str, Any]:
    """Everything that this service knows of a person, unmasked, for the person."""
    book = await addresses.book(c, row.id)
    logins = await sessions.alive(c, row.id, now)
    return {
        "exported_at": iso(now),
        "profile": {
            "id": row.id,
            "phone": row.phone,
            "name": row.name,
            "role": row.role,
            "created_at": iso(row.created_at),
        },
        "addresses": [addresses.shown(a, row.default_address_id) for a in book],
        "devices": [
            {
                "id": s.id,
                "name": s.name,
                "app": s.app,
                "user_agent": s.user_agent,
                "created_at": iso(s.created_at),
                "last_seen_at": iso(s.last_seen_at),
            }
            for s in logins
        ],
    }


async def _held(c: AsyncConnection, user_id: int) -> Row[Any]:
    row = await sessions.hold_user(c, user_id)
    if row is None:
        raise Problem(401, "unauthorized", "登录已失效,请重新登录")
    return row
