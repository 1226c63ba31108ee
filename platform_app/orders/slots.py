"""Half hours: which ones an order takes, and when a job may begin. Pure.

One rule, `refusal`, says why a start is not possible; `starts` finds all that are, faster. Both look at the same `Day`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from platform_app.kit.config import Orders
from platform_app.kit.problem import Problem
from platform_app.kit.times import day_of, midnight
from platform_app.orders.calendar import USUAL_CALENDAR, Calendar
from platform_app.orders.places import FURTHEST_MINUTES, Place, gap_minutes, stored

GRAIN = 1800
OPENS, CLOSES = 8 * 3600, 20 * 3600
"""The half hours of the day, in Shanghai, that a view of a usual day shows."""
LATEST_END = 22 * 3600


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is booked or held: [start, end) without the way, epoch seconds. `hold_until` None: paid for."""

    order_id: int
    start: int
    end: int
    place: Place | None
    hold_until: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Work that somebody wants done: its length and place."""

    minutes: int
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """A provider's jobs, ascending and apart from each other, and every half hour that they take."""

    jobs: tuple[Job, ...] = ()
    taken: frozenset[int] = frozenset()


def slots_of(starts_at: int, minutes: int, travel_minutes: int) -> tuple[int, ...]:
    """The half hours from the start to the end of the service and of the way to the next one, ascending."""
    end = starts_at + (minutes + travel_minutes) * 60
    return tuple(range(starts_at, end, GRAIN))


def window(start: int, end: int, rules: Orders) -> tuple[int, int]:
    """[from, to) of the half hours that a job in [start, end) has to look at: its neighbours that may be too near."""
    reach = max(rules.travel_minutes, rules.buffer_minutes + FURTHEST_MINUTES) * 60 + GRAIN
    return start - reach, end + reach


def day_window(day: str, rules: Orders) -> tuple[int, int]:
    """[from, to) of the half hours that a view of a day has to look at."""
    zero = midnight(day)
    return window(zero, zero + 86_400, rules)


def busy_of(rows: Iterable[Any], rules: Orders, now: int) -> Busy:
    """The jobs of rows of orders_slot, ascending. Holds that have run out at `now` are over; they give way.

    Rows of one order follow each other. A job whose first half hours lie before the rows begins with the first one.
    """
    found: dict[int, Job] = {}
    taken: list[int] = []
    for row in rows:
        if row.hold_until is not None and row.hold_until <= now:
            continue
        taken.append(row.slot_at)
        known = found.get(row.order_id)
        start = known.start if known else row.slot_at
        end = row.ends_at or row.slot_at + GRAIN - rules.travel_minutes * 60
        place = stored(row.lat_e6, row.lng_e6)
        found[row.order_id] = Job(row.order_id, start, max(start, end), place, row.hold_until)
    return Busy(tuple(found.values()), frozenset(taken))


def check_grid(starts_at: int) -> None:
    """Raises Problem 422 when a time is not on a half hour: holds for everybody."""
    if starts_at % GRAIN:
        raise Problem(422, "bad_time", "开始时间须为整点或半点")


def check_start(starts_at: int, minutes: int, rules: Orders, now: int, calendar: Calendar = USUAL_CALENDAR) -> None:
    """Raises Problem 422 when a job of `minutes` may not begin then, whoever else is booked."""
    check_grid(starts_at)
    if starts_at <= now:
        raise Problem(422, "bad_time", "开始时间已过")
    if starts_at < now + rules.min_notice_minutes * 60:
        raise Problem(422, "bad_time", f"请至少提前 {rules.min_notice_minutes} 分钟预约")
    if starts_at > now + rules.max_days_ahead * 86_400:
        raise Problem(422, "bad_time", f"最多可预约 {rules.max_days_ahead} 天内的服务")
    if works(calendar, starts_at, minutes):
        return
    spans = calendar.spans(day_of(starts_at))
    if not spans:
        raise Problem(422, "bad_time", calendar.why_not(day_of(starts_at)))
    text = "、".join(f"{clock(a)}–{clock(b)}" for a, b in spans)
    raise Problem(422, "bad_time", f"该服务需 {minutes} 分钟,当天服务时间为 {text}")


def works(calendar: Calendar, starts_at: int, minutes: int) -> bool:
    """Whether a job lies whole within one span of working time."""
    day = day_of(starts_at)
    begin = starts_at - midnight(day)
    return any(a * 60 <= begin and begin + minutes * 60 <= b * 60 for a, b in calendar.spans(day))


def conflict(starts_at: int, ask: Ask, busy: Busy, rules: Orders) -> Job | None:
    """The job that leaves no time for this one, or for the way between; None when there is none."""
    end = starts_at + ask.minutes * 60
    index = bisect_left(busy.jobs, starts_at, key=lambda job: job.start)
    if index < len(busy.jobs):
        after = busy.jobs[index]
        if after.start < end + gap_minutes(ask.place, after.place, rules) * 60:
            return after
    if index:
        before = busy.jobs[index - 1]
        if starts_at < before.end + gap_minutes(before.place, ask.place, rules) * 60:
            return before
    return None


def starts(day: str, ask: Ask, calendar: Calendar, busy: Busy, rules: Orders, now: int) -> tuple[int, ...]:
    """Every start on a day that can be booked at `now`, ascending."""
    zero = midnight(day)
    earliest = max(now + 1, now + rules.min_notice_minutes * 60)
    latest = now + rules.max_days_ahead * 86_400
    found: list[int] = []
    for a, b in calendar.spans(day):
        first = max(zero + a * 60, earliest)
        last = min(zero + b * 60 - ask.minutes * 60, latest)
        for at in range(first + -first % GRAIN, last + 1, GRAIN):
            if fits(at, ask, busy, rules):
                found.append(at)
    return tuple(found)


def fits(starts_at: int, ask: Ask, busy: Busy, rules: Orders) -> bool:
    """Whether no half hour of a job is taken and its neighbours leave time for the way."""
    own = slots_of(starts_at, ask.minutes, rules.travel_minutes)
    return busy.taken.isdisjoint(own) and conflict(starts_at, ask, busy, rules) is None


def grid(day: str, calendar: Calendar = USUAL_CALENDAR) -> tuple[int, ...]:
    """The half hours of a day at which work may begin on a usual day, and those of the calendar beyond them."""
    zero = midnight(day)
    usual = set(range(zero + OPENS, zero + CLOSES + 1, GRAIN))
    if calendar is USUAL_CALENDAR:
        return tuple(sorted(usual))
    return tuple(sorted(usual | set(working(day, calendar))))


def working(day: str, calendar: Calendar) -> Sequence[int]:
    """The half hours of a day that lie whole within working time."""
    zero = midnight(day)
    spans = calendar.spans(day)
    return [at for a, b in spans for at in range(zero + -(-a // 30) * GRAIN, zero + b * 60 - GRAIN + 1, GRAIN)]


def clock(minutes: int) -> str:
    """A time of the day as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
