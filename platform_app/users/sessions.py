"""Logins: opened by a code, kept alive by refresh tokens, ended one by one or all at once.

Whoever changes all logins of a person, or opens one, holds the person's row; a refresh holds its session's row.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.auth import Principal
from platform_app.kit.config import PlatformConfig, secret
from platform_app.kit.db import inserted_id
from platform_app.kit.tokens import issue
from platform_app.users import refresh
from platform_app.users.tables import revocation, session, user

DAY = 86_400
OVERLAP = 10
"""Seconds by which reports of revocations overlap: a transaction commits a little after its own time."""


@dataclass(frozen=True, slots=True)
class Device:
    """On what somebody logs in. `key`: the app's own id of the device, '' when it has none."""

    key: str = ""
    name: str = ""
    app: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """Tokens as their owner gets them, once."""

    who: Principal
    access_token: str
    refresh_token: str
    refresh_expires_at: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """How a refresh ended; `login` only when it was granted (`ok`, or `repeated` within the grace window)."""

    outcome: Literal["ok", "repeated", "reused", "dead"]
    login: Login | None = None
    session_id: int = 0
    user_id: int = 0


async def hold_user(c: AsyncConnection, user_id: int) -> Row[Any] | None:
    """The row of a person who has an account, locked until the end of the transaction."""
    mine = select(user).where(user.c.id == user_id, user.c.deleted_at.is_(None)).with_for_update()
    return (await c.execute(mine)).first()


async def begin(c: AsyncConnection, config: PlatformConfig, row: Row[Any], device: Device, now: int) -> Login:
    """A login of the person whose row the caller holds. An older login of the same device ends, and the one not used
    for longest when there are too many."""
    device_hash = _device_hash(device.key, config)
    await _make_room(c, row, device_hash, config.users.devices, now)
    expires_at = now + int(config.jwt.refresh_days * DAY)
    values = {
        "user_id": row.id,
        "device_hash": device_hash,
        "name": device.name,
        "app": device.app,
        "user_agent": device.user_agent,
        "provider_id": 0,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": expires_at,
        "turn": 0,
        "current_hash": "",
        "previous_hash": "",
        "rotated_at": now,
        "revoked_reason": "",
    }
    session_id = inserted_id(await c.execute(insert(session).values(values)))
    token = refresh.first(session_id, secret(config.jwt.secret_file))
    await c.execute(update(session).where(session.c.id == session_id).values(current_hash=refresh.digest(token)))
    who = Principal(row.id, row.role, 0, session_id, row.token_generation)
    return Login(who, issue(config, who, now), token, expires_at)


async def set_provider(c: AsyncConnection, session_id: int, provider_id: int) -> None:
    """Remembers which provider this login is, for the tokens to come."""
    await c.execute(update(session).where(session.c.id == session_id).values(provider_id=provider_id))


async def renew(c: AsyncConnection, config: PlatformConfig, token: str, now: int) -> Renewal:
    """New tokens for a refresh token. One that was used before ends its login; a forged one touches nothing."""
    key = secret(config.jwt.secret_file)
    shown = refresh.opened(token, key)
    if shown is None:
        return Renewal("dead")
    row = (await c.execute(select(session).where(session.c.id == shown.session_id).with_for_update())).first()
    verdict = refresh.judge(shown, row, now, config.jwt.refresh_grace_seconds)
    if row is None or verdict == "dead":
        return Renewal("dead", None, shown.session_id)
    if verdict == "reused":
        await end(c, row.user_id, row.id, "reused", now)
        return Renewal("reused", None, row.id, row.user_id)
    following, expires_at = refresh.successor(token, shown, key), row.expires_at
    if verdict == "rotate":
        expires_at = await _rotate(c, config, row, refresh.digest(following), now)
    person = (await c.execute(select(user).where(user.c.id == row.user_id))).one()
    who = Principal(person.id, person.role, row.provider_id, row.id, person.token_generation)
    login = Login(who, issue(config, who, now), following, expires_at)
    return Renewal("ok" if verdict == "rotate" else "repeated", login, row.id, row.user_id)


async def end(c: AsyncConnection, user_id: int, session_id: int, reason: str, now: int) -> bool:
    """Ends one login of a person; False when there is no such login alive."""
    mine = (session.c.id == session_id) & (session.c.user_id == user_id) & session.c.revoked_at.is_(None)
    done = await c.execute(update(session).where(mine).values(revoked_at=now, revoked_reason=reason))
    if done.rowcount == 0:
        return False
    await c.execute(insert(revocation).values(user_id=user_id, session_id=session_id, generation=0, at=now))
    return True


async def end_all(c: AsyncConnection, user_id: int, reason: str, now: int) -> None:
    """Ends all logins of a person, and every token that was ever given to them."""
    await c.execute(
        update(user).where(user.c.id == user_id).values(token_generation=user.c.token_generation + 1)
    )  # first: it holds the person's row
    alive = (session.c.user_id == user_id) & session.c.revoked_at.is_(None)
    await c.execute(update(session).where(alive).values(revoked_at=now, revoked_reason=reason))
    generation = (await c.execute(select(user.c.token_generation).where(user.c.id == user_id))).scalar_one()
    row = {"user_id": user_id, "session_id": 0, "generation": generation, "at": now}
    await c.execute(insert(revocation).values(row))


async def living(c: AsyncConnection, who: Principal) -> Row[Any] | None:
    """The person of an access token (columns of users_user), or None when the token was revoked. By primary keys."""
    query = select(user).where(
        user.c.id == who.user_id, user.c.deleted_at.is_(None), user.c.token_generation <= who.generation
    )
    if who.session_id:
        own = (session.c.id == who.session_id) & (session.c.user_id == user.c.id) & session.c.revoked_at.is_(None)
        query = query.where(select(session.c.id).where(own).exists())
    return (await c.execute(query)).first()


async def alive(c: AsyncConnection, user_id: int, now: int) -> Sequence[Row[Any]]:
    """The logins of a person that count, the last seen first."""
    mine = (session.c.user_id == user_id) & session.c.revoked_at.is_(None) & (session.c.expires_at > now)
    query = select(session).where(mine).order_by(session.c.last_seen_at.desc(), session.c.id.desc())
    return (await c.execute(query)).all()


async def rename(c: AsyncConnection, user_id: int, session_id: int, name: str) -> bool:
    """Names a device; False when it is not one of this person's."""
    mine = (session.c.id == session_id) & (session.c.user_id == user_id) & session.c.revoked_at.is_(None)
    if (await c.execute(select(session.c.id).where(mine).with_for_update())).first() is None:
        return False
    await c.execute(update(session).where(session.c.id == session_id).values(name=name))
    return True


async def revoked_since(c: AsyncConnection, since: int, limit: int) -> Sequence[Row[Any]]:
    """What was revoked at `since` or later, the oldest first."""
    query = select(revocation).where(revocation.c.at >= since).order_by(revocation.c.at, revocation.c.id).limit(limit)
    return (await c.execute(query)).all()


async def _make_room(c: AsyncConnection, row: Row[Any], device_hash: str, most: int, now: int) -> None:
    others = list(await alive(c, row.id, now))
    if device_hash:
        for old in [s for s in others if s.device_hash == device_hash]:
            await end(c, row.id, old.id, "replaced", now)
            others.remove(old)
    for old in others[most - 1 :]:
        await end(c, row.id, old.id, "too_many", now)


async def _rotate(c: AsyncConnection, config: PlatformConfig, row: Row[Any], following: str, now: int) -> int:
    latest = row.created_at + int(config.jwt.login_days * DAY)
    expires_at = int(min(now + int(config.jwt.refresh_days * DAY), latest))
    values = {
        "turn": row.turn + 1,
        "previous_hash": row.current_hash,
        "current_hash": following,
        "rotated_at": now,
        "last_seen_at": now,
        "expires_at": expires_at,
    }
    await c.execute(update(session).where(session.c.id == row.id).values(values))
    return expires_at


def _device_hash(device: str, config: PlatformConfig) -> str:
    if not device:
        return ""
    key = secret(config.jwt.secret_file).encode()
    return hmac.new(key, b"device:" + device.encode(), hashlib.sha256).hexdigest()
