"""Which days are worked in China: weekends, statutory holidays, and the Saturdays worked instead of them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@lru_cache(maxsize=4096)
def is_workday(day: date) -> bool:
    """As arranged by the State Council; for a year that is not arranged yet, Monday to Friday."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def arranged(year: int) -> bool:
    """Whether the holidays of a year are known."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def names(day: date) -> frozenset[str]:
    """What a day is called in `days`: its weekday, and workday or holiday."""
    return frozenset((_NAMES[day.weekday()], "workday" if is_workday(day) else "holiday"))
