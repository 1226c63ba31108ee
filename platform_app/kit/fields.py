"""Fields that many endpoints take: bounded, so that no number or day can upset a database or a clock."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Path

from platform_app.kit.problem import Problem
from platform_app.kit.times import parse_iso

BIG = 2**53
"""No id and no amount is larger; JSON numbers are exact up to here."""
LATEST = 2**32
"""Epoch seconds after which nothing is booked (the year 2106)."""

Key = Annotated[int, Path(ge=0, le=BIG)]


def day_field(text: str, field: str = "day") -> str:
    """A day as YYYY-MM-DD, from 1970 to 2105. Raises Problem 422."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Problem(422, "bad_time", "日期格式应为 YYYY-MM-DD", field=field) from error
    if not 1970 < day.year < 2106:
        raise Problem(422, "bad_time", "日期超出范围", field=field)
    return day.isoformat()


def time_field(text: str, field: str = "starts_at") -> int:
    """ISO 8601 as epoch seconds, from 1970 to 2105. Raises Problem 422."""
    try:
        at = parse_iso(text)
    except (ValueError, OverflowError) as error:
        raise Problem(422, "bad_time", "开始时间格式有误", field=field) from error
    if not 0 < at < LATEST:
        raise Problem(422, "bad_time", "时间超出范围", field=field)
    return at
