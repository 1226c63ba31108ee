"""Errors of our HTTP APIs as problem+json. Source: RFC 9457."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse

from opsctl.core.errors import Conflict, DocumentError, Forbidden, NotFound, OpsctlError, Unreachable, UsageError

_STATUS: tuple[tuple[type[OpsctlError], int], ...] = (
    (DocumentError, 422),
    (UsageError, 400),
    (NotFound, 404),
    (Forbidden, 403),
    (Conflict, 409),
    (Unreachable, 503),
    (OpsctlError, 500),
)


def problem(status: int, title: str, detail: str, hint: str = "") -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "hint": hint}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


async def on_error(_: Request, error: Exception) -> JSONResponse:
    """Starlette's exception handler for OpsctlError."""
    assert isinstance(error, OpsctlError)
    status = next(s for kind, s in _STATUS if isinstance(error, kind))
    return problem(status, type(error).__name__, error.message, error.hint)
