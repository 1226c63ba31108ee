"""Cursor pages: `{"items": […], "next_cursor": …}`; a cursor is opaque and holds the last row's sort keys."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson

from platform_app.kit.fields import BIG
from platform_app.kit.problem import Problem


def encode_cursor(*keys: int) -> str:
    """The cursor that continues after the row with these sort keys."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> tuple[int, ...]:
    """The sort keys of a cursor. Raises Problem 400 when it is not one of ours."""
    try:
        keys = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Problem(400, "bad_cursor", "分页参数无效") from error
    if not isinstance(keys, list) or len(keys) != length or not all(type(k) is int and abs(k) < BIG for k in keys):
        raise Problem(400, "bad_cursor", "分页参数无效")
    return tuple(keys)


def page(items: Sequence[Any], next_cursor: str | None) -> dict[str, Any]:
    """One page; `next_cursor` is null on the last."""
    return {"items": list(items), "next_cursor": next_cursor}
