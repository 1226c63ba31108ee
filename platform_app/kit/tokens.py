"""Access tokens: who a person is, signed (HS256), for minutes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt

from platform_app.kit.config import PlatformConfig, secret
from platform_app.kit.problem import Problem

LEEWAY = 5
"""Seconds by which the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A logged-in person. `provider_id` is 0 for those who are no provider.

    `session_id` is the login (a device) that the token belongs to, 0 for one of none; `generation` counts the person's
    "log out everywhere": a token of an older one is dead.
    """

    user_id: int
    role: str
    provider_id: int = 0
    session_id: int = 0
    generation: int = 0


def issue(config: PlatformConfig, who: Principal, now: int) -> str:
    """A token that counts for `jwt.access_minutes` from `now` (epoch seconds)."""
    claims: dict[str, Any] = {
        "sub": str(who.user_id),
        "role": who.role,
        "iat": now,
        "exp": now + config.jwt.access_seconds,
    }
    optional = {"provider_id": who.provider_id, "sid": who.session_id, "gen": who.generation}
    claims |= {name: value for name, value in optional.items() if value}
    return jwt.encode(claims, secret(config.jwt.secret_file), algorithm="HS256")


def read_token(config: PlatformConfig, token: str, now: float | None = None) -> Principal:
    """The person a token names at `now` (epoch seconds). Raises Problem 401 when it is forged or has expired.

    Whether it was revoked since is not known here: users checks it at once, the edge within a second or two.
    """
    at = time.time() if now is None else now
    try:
        claims = jwt.decode(
            token,
            secret(config.jwt.secret_file),
            algorithms=["HS256"],
            options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
        )
        if not int(claims["iat"]) - LEEWAY <= at < int(claims["exp"]):
            raise jwt.ExpiredSignatureError
        numbers = (int(claims.get(name, 0)) for name in ("provider_id", "sid", "gen"))
        return Principal(int(claims["sub"]), str(claims["role"]), *numbers)
    except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as error:
        raise dead() from error


def dead() -> Problem:
    """The answer to a token that does not count, whatever the reason."""
    return Problem(401, "unauthorized", "登录已失效,请重新登录", headers={"WWW-Authenticate": "Bearer"})
