"""Who calls: customers, providers and operators by JWT (HS256), neighbouring services by the internal token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from platform_app.kit.config import PlatformConfig, secret
from platform_app.kit.problem import Problem
from platform_app.kit.tokens import Principal, issue, read_token

__all__ = ["ROLES", "Principal", "Who", "internal", "issue", "principal", "read_token", "require"]

ROLES = ("customer", "provider", "operator")


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
