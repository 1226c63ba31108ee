"""Login tokens: who a person is, signed (HS256)."""

from __future__ import annotations

from dataclasses import dataclass

import jwt

from platform_app.kit.config import PlatformConfig, secret
from platform_app.kit.problem import Problem


@dataclass(frozen=True, slots=True)
class Principal:
    """A logged-in person. `provider_id` is 0 for those who are no provider."""

    user_id: int
    role: str
    provider_id: int = 0


def issue(config: PlatformConfig, who: Principal, now: int) -> str:
    """A token that counts for `jwt.hours` from `now` (epoch seconds)."""
    claims = {"sub": str(who.user_id), "role": who.role, "iat": now, "exp": now + config.jwt.hours * 3600}
    if who.provider_id:
        claims["provider_id"] = who.provider_id
    return jwt.encode(claims, secret(config.jwt.secret_file), algorithm="HS256")


def read_token(config: PlatformConfig, token: str) -> Principal:
    """The person a token names. Raises Problem 401 when it is forged or has expired."""
    try:
        claims = jwt.decode(token, secret(config.jwt.secret_file), algorithms=["HS256"])
        return Principal(int(claims["sub"]), str(claims["role"]), int(claims.get("provider_id", 0)))
    except (jwt.InvalidTokenError, KeyError, ValueError) as error:
        raise Problem(401, "unauthorized", "登录已失效,请重新登录", headers={"WWW-Authenticate": "Bearer"}) from error
