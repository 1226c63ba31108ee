"""Login codes: six digits by SMS; few a phone, few tries each, kept only as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Users
from platform_app.kit.db import inserted_id
from platform_app.kit.problem import Problem
from platform_app.users.tables import code

DAY = 86_400


def fresh() -> str:
    """A random code of six digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def hashed(phone: str, digits: str, key: str) -> str:
    """What the database keeps of a code."""
    return hmac.new(key.encode(), f"{phone}:{digits}".encode(), hashlib.sha256).hexdigest()


async def admit(connection: AsyncConnection, phone: str, rules: Users, now: int) -> None:
    """Raises Problem 429 when this phone has asked too recently or too often today."""
    found = await connection.execute(
        select(func.count(), func.max(code.c.created_at)).where(code.c.phone == phone, code.c.created_at > now - DAY)
    )
    asked, last = found.one()
    wait = (last or 0) + rules.code_interval_seconds - now
    if wait > 0:
        raise Problem(429, "code_too_soon", f"请 {wait} 秒后再试", headers={"Retry-After": str(wait)}, retry_after=wait)
    if asked >= rules.codes_per_day:
        raise Problem(429, "code_limit", "今日验证码次数已用完", headers={"Retry-After": "3600"}, retry_after=3600)


async def keep(connection: AsyncConnection, phone: str, code_hash: str, rules: Users, now: int) -> int:
    """Remembers a code that is about to be sent; its id."""
    row = {
        "phone": phone,
        "code_hash": code_hash,
        "created_at": now,
        "expires_at": now + rules.code_ttl_seconds,
        "attempts": 0,
    }
    result = await connection.execute(insert(code).values(row))
    return inserted_id(result)


async def forget(connection: AsyncConnection, code_id: int) -> None:
    """A code that could not be sent does not count against the phone."""
    await connection.execute(delete(code).where(code.c.id == code_id))


async def spend(connection: AsyncConnection, phone: str, code_hash: str, rules: Users, now: int) -> str:
    """Uses up the newest code of a phone: `ok`, `wrong`, `expired` or `locked` (too many tries). Each try is counted."""
    newest = select(code).where(code.c.phone == phone).order_by(code.c.id.desc()).limit(1)
    row = (await connection.execute(newest)).first()
    if row is None or row.used_at is not None or row.expires_at <= now:
        return "expired"
    tried = await connection.execute(
        update(code)
        .where(code.c.id == row.id, code.c.attempts < rules.code_attempts, code.c.used_at.is_(None))
        .values(attempts=code.c.attempts + 1)
    )
    if tried.rowcount == 0:
        return "locked"
    if not hmac.compare_digest(row.code_hash, code_hash):
        return "wrong"
    used = await connection.execute(
        update(code).where(code.c.id == row.id, code.c.used_at.is_(None)).values(used_at=now)
    )
    return "ok" if used.rowcount else "expired"
