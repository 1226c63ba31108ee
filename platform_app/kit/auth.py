"""Who calls: customers, providers and operators by JWT (HS256), neighbouring services by the internal token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

import jwt
from fastapi import Depends, Request

from platform_app.kit.config import PlatformConfig, secret
from platform_app.kit.problem import Problem

ROLES = ("customer", "provider", "operator")


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


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Problem(401, "unauthorized", "请先登录", headers={"WWW-Authenticate": "Bearer"})
    return token


async def principal(request: Request) -> Principal:
    """FastAPI dependency: the logged-in person, else Problem 401."""
    config: PlatformConfig = request.app.state.service.config
    return read_token(config, _bearer(request))


def require(*roles: str) -> Callable[..., Awaitable[Principal]]:
    """FastAPI dependency for some roles: `who: Annotated[Principal, Depends(require("provider"))]`; else 403."""

    async def check(who: Annotated[Principal, Depends(principal)]) -> Principal:
        if who.role not in roles:
            raise Problem(403, "forbidden", "没有权限")
        return who

    return check


async def internal(request: Request) -> None:
    """FastAPI dependency of `/internal/…` endpoints: the caller is a service of ours, else Problem 401."""
    config: PlatformConfig = request.app.state.service.config
    wanted = secret(config.internal.token_file)
    if not hmac.compare_digest(_bearer(request).encode(), wanted.encode()):
        raise Problem(401, "unauthorized", "internal token expected")


Who = Annotated[Principal, Depends(principal)]
"""Endpoint argument type: any logged-in person."""
