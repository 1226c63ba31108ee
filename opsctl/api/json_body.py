"""Reads small JSON bodies."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request

from opsctl.core.errors import UsageError


async def json_object(request: Request) -> dict[str, Any]:
    """The body, a JSON object. Raises UsageError."""
    try:
        made = orjson.loads(await request.body())
    except ValueError as error:
        raise UsageError(f"the body is not JSON: {error}") from error
    if not isinstance(made, dict):
        raise UsageError("the body is a JSON object")
    return made


def text_of(body: dict[str, Any], name: str) -> str:
    """A short string of it, '' when it is missing. Raises UsageError."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > 500:
        raise UsageError(f"{name} is a string of at most 500 characters")
    return value.strip()
