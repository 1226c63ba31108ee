"""Half hours: which ones an order takes, and when one may begin. Pure."""

from __future__ import annotations

from platform_app.kit.config import Orders
from platform_app.kit.problem import Problem
from platform_app.kit.times import day_of, midnight

GRAIN = 1800
OPENS, CLOSES = 8 * 3600, 20 * 3600
"""Work begins between these times of the day in Shanghai, and ends by 22:00."""
LATEST_END = 22 * 3600


def slots_of(starts_at: int, minutes: int, travel_minutes: int) -> tuple[int, ...]:
    """The half hours from the start to the end of the service and of the way to the next one, ascending."""
    end = starts_at + (minutes + travel_minutes) * 60
    return tuple(range(starts_at, end, GRAIN))


def check_start(starts_at: int, minutes: int, rules: Orders, now: int) -> None:
    """Raises Problem 422 when a service of `minutes` may not begin then."""
    of_day = starts_at - midnight(day_of(starts_at))
    if starts_at % GRAIN:
        raise Problem(422, "bad_time", "开始时间须为整点或半点")
    if starts_at <= now:
        raise Problem(422, "bad_time", "开始时间已过")
    if starts_at > now + rules.max_days_ahead * 86_400:
        raise Problem(422, "bad_time", f"最多可预约 {rules.max_days_ahead} 天内的服务")
    if not OPENS <= of_day <= CLOSES or of_day + minutes * 60 > LATEST_END:
        raise Problem(422, "bad_time", "服务时间为 08:00–22:00")


def grid(day: str) -> tuple[int, ...]:
    """The half hours of a day at which work may begin."""
    start = midnight(day)
    return tuple(range(start + OPENS, start + CLOSES + 1, GRAIN))
