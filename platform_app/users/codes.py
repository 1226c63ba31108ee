"""Codes by SMS: six digits, few tries each, for one purpose, kept only as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Users
from platform_app.kit.db import inserted_id
from platform_app.kit.problem import Problem
from platform_app.users.tables import code

Outcome = Literal["ok", "wrong", "expired", "locked"]

_REFUSALS: dict[str, tuple[int, str, str]] = {
    "wrong": (401, "code_wrong", "验证码错误"),
    "expired": (401, "code_expired", "验证码已失效,请重新获取"),
    "locked": (429, "code_locked", "尝试次数过多,请重新获取验证码"),
}


def refusal(outcome: str) -> Problem:
    """The answer to a code that does not count."""
    return Problem(*_REFUSALS[outcome])


def fresh() -> str:
    """A random code of six digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def hashed(phone: str, digits: str, key: str, purpose: str = "login") -> str:
    """What the database keeps of a code."""
    return hmac.new(key.encode(), f"{purpose}|{phone}:{digits}".encode(), hashlib.sha256).hexdigest()


async def keep(
    connection: AsyncConnection, phone: str, code_hash: str, rules: Users, now: int, purpose: str = "login"
) -> int:
    """Remembers a code that is about to be sent; its id."""
    row = {
        "phone": phone,
        "code_hash": code_hash,
        "created_at": now,
        "expires_at": now + rules.code_ttl_seconds,
        "attempts": 0,
        "purpose": purpose,
    }
    result = await connection.execute(insert(code).values(row))
    return inserted_id(result)


async def forget(connection: AsyncConnection, code_id: int) -> None:
    """Removes a code that could not be sent."""
    await connection.execute(delete(code).where(code.c.id == code_id))


async def spend(
    connection: AsyncConnection, phone: str, code_hash: str, rules: Users, now: int, purpose: str = "login"
) -> Outcome:
    """Uses up the newest code of a phone for a purpose. Each try is counted; `locked`: too many of them."""
    mine = (code.c.phone == phone) & (code.c.purpose == purpose)
    row = (await connection.execute(select(code).where(mine).order_by(code.c.id.desc()).limit(1))).first()
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
