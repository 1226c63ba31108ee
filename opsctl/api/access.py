"""Who calls the operations API: bearer token → principal; unsafe calls are audited."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from opsctl.access.audit import Audit
from opsctl.access.roles import Principal
from opsctl.access.tokens import Tokens
from opsctl.api.problem import problem

OPEN = ("/-/healthy", "/-/ready", "/docs", "/openapi.json")
_LOOPBACK = ("127.0.0.1", "::1")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Access:
    """ASGI-level gate of the operations API, used as FastAPI's http middleware."""

    def __init__(self, tokens: Tokens, audit: Audit) -> None:
        self._tokens = tokens
        self._audit = audit

    async def __call__(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        if _is_open(path, request.client.host if request.client else ""):
            return await call_next(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        who = await run_in_threadpool(self._tokens.who, token.strip()) if scheme.lower() == "bearer" else None
        if who is None:
            return problem(401, "Unauthorized", "a bearer token is needed", "opsctl reads it from home/tokens/ROLE")
        request.state.principal = who
        response = await call_next(request)
        if request.method not in _SAFE:
            detail: dict[str, Any] = getattr(request.state, "audit", {})
            await run_in_threadpool(
                self._audit.write, time.time(), who.name, who.role, request.method, path, response.status_code, detail
            )
        return response


def _is_open(path: str, client: str) -> bool:
    """What needs no token: health, the API's description, signed links, and our figures for callers on this machine."""
    return path in OPEN or path.startswith("/links/") or (path == "/metrics" and client in _LOOPBACK)


def require(role: str) -> Any:
    """A FastAPI dependency: the caller's Principal, or 403 when its role is less than `role`."""

    def check(request: Request) -> Principal:
        principal: Principal = request.state.principal
        principal.require(role)
        return principal

    return Depends(check)
