"""A provider's calendar as a document: what people may write, checked by name, and how it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from platform_app.kit.problem import Problem
from platform_app.orders.calendar import USUAL_CALENDAR, Calendar, Leave, Span
from platform_app.orders.slots import clock

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
FIRST, LAST = 6 * 60, 24 * 60
"""Nobody works before or after these minutes of the day."""
_SPAN = re.compile(r"^([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$")

Spans = Annotated[
    list[Annotated[str, Field(max_length=11, description="HH:MM-HH:MM")]], Field(max_length=6, description="ascending")
]
Day = Annotated[str, Field(min_length=10, max_length=10, description="YYYY-MM-DD")]

T = TypeVar("T")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LeaveIn(Strict):
    first: Day
    last: Day
    reason: Annotated[str, Field(max_length=50)] = ""


class CalendarIn(Strict):
    """A whole calendar. `version` is the one that was read: somebody else's change is never overwritten unseen."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "version": 3,
                "week": {"mon": ["08:00-18:00"], "sat": ["09:00-12:00", "14:00-17:00"], "sun": []},
                "breaks": {"mon": ["12:00-13:00"]},
                "leave": [{"first": "2026-12-24", "last": "2026-12-31", "reason": "回老家"}],
                "days": {"2026-12-20": ["10:00-16:00"]},
                "holidays_off": True,
            }
        },
    )
    version: Annotated[int, Field(ge=0)]
    week: Annotated[dict[str, Spans], Field(max_length=7, description="mon … sun; a day left out is as usual")] = {}
    breaks: Annotated[dict[str, Spans], Field(max_length=7)] = {}
    leave: Annotated[list[LeaveIn], Field(max_length=50)] = []
    days: Annotated[dict[str, Spans], Field(max_length=100, description="single days; [] is a day off")] = {}
    holidays_off: bool = False


class Wrong:
    """Collects what is wrong with a document: the field and what a provider understands."""

    def __init__(self) -> None:
        self.errors: list[dict[str, str]] = []

    def add(self, field: str, message: str) -> None:
        self.errors.append({"field": field, "message": message})

    def spans(self, field: str, name: str, texts: Sequence[str]) -> tuple[Span, ...]:
        """The spans of a day: in bounds, whole half hours, ascending and apart."""
        found: list[Span] = []
        for number, text in enumerate(texts):
            span = _span(text)
            if span is None:
                self.add(f"{field}.{number}", f"{name}:“{text[:20]}”不是 HH:MM-HH:MM 格式的时段")
            elif not FIRST <= span[0] < span[1] <= LAST:
                self.add(f"{field}.{number}", f"{name}:时段须在 {clock(FIRST)}–{clock(LAST)} 之间,且开始早于结束")
            elif span[0] % 30 or span[1] % 30:
                self.add(f"{field}.{number}", f"{name}:时段须为整点或半点")
            elif found and span[0] < found[-1][1]:
                self.add(f"{field}.{number}", f"{name}:时段 {text} 与前一时段重叠或顺序有误")
            else:
                found.append(span)
        return tuple(found)

    def week(
        self, field: str, given: dict[str, list[str]], usual: Sequence[tuple[Span, ...]]
    ) -> list[tuple[Span, ...]]:
        """Seven days, Monday first."""
        for day in given.keys() - set(WEEKDAYS):
            self.add(f"{field}.{day[:20]}", "星期须为 mon、tue、wed、thu、fri、sat、sun 之一")
        days = zip(WEEKDAYS, NAMES, usual, strict=True)
        return [self.spans(f"{field}.{d}", name, given[d]) if d in given else was for d, name, was in days]

    def day(self, field: str, text: str) -> bool:
        """Whether a day is one."""
        try:
            good = date.fromisoformat(text).isoformat() == text
        except ValueError:
            good = False
        if not good:
            self.add(field, f"“{text[:20]}”不是 YYYY-MM-DD 格式的日期")
        return good

    def leave(self, given: Iterable[LeaveIn | Leave]) -> tuple[Leave, ...]:
        """Leaves, ascending; those that overlap are refused."""
        found: list[Leave] = []
        for number, each in enumerate(given):
            field = f"leave.{number}"
            if not (self.day(f"{field}.first", each.first) and self.day(f"{field}.last", each.last)):
                continue
            length = (date.fromisoformat(each.last) - date.fromisoformat(each.first)).days
            if not 0 <= length < 366:
                self.add(field, "请假的结束日期须不早于开始日期,且不超过一年")
            elif any(each.first <= other.last and other.first <= each.last for other in found):
                self.add(field, f"请假 {each.first} 至 {each.last} 与另一次请假重叠")
            else:
                found.append(Leave(each.first, each.last, each.reason))
        return tuple(sorted(found, key=lambda leave: leave.first))


def checked(given: CalendarIn) -> Calendar:
    """The calendar that was meant. Raises Problem 422 `calendar_invalid` with every mistake by its field."""
    wrong = Wrong()
    week = wrong.week("week", given.week, USUAL_CALENDAR.week)
    breaks = wrong.week("breaks", given.breaks, USUAL_CALENDAR.breaks)
    for name, text, hours, pauses in zip(WEEKDAYS, NAMES, week, breaks, strict=True):
        for a, b in pauses:
            if not any(start <= a and b <= end for start, end in hours):
                wrong.add(f"breaks.{name}", f"{text}:休息 {clock(a)}-{clock(b)} 不在工作时间内")
    leave = wrong.leave(given.leave)
    days = {
        d: wrong.spans(f"days.{d[:20]}", d[:20], s) for d, s in given.days.items() if wrong.day(f"days.{d[:20]}", d)
    }
    return _right(wrong, Calendar(tuple(week), tuple(breaks), leave, days, given.holidays_off))


def leaves(given: Iterable[LeaveIn | Leave]) -> tuple[Leave, ...]:
    """Leaves, checked against each other. Raises Problem 422 `calendar_invalid`."""
    wrong = Wrong()
    found = wrong.leave(given)
    return _right(wrong, found)


def day_spans(day: str, given: Sequence[str]) -> tuple[Span, ...]:
    """The spans of a single day. Raises Problem 422 `calendar_invalid`."""
    wrong = Wrong()
    return _right(wrong, wrong.spans(f"days.{day}", day, given))


def _right(wrong: Wrong, found: T) -> T:
    if wrong.errors:
        raise Problem(422, "calendar_invalid", wrong.errors[0]["message"], errors=wrong.errors)
    return found


def shown(calendar: Calendar) -> dict[str, Any]:
    """As people read and write it, without its version."""
    return {
        "week": {d: _texts(s) for d, s in zip(WEEKDAYS, calendar.week, strict=True)},
        "breaks": {d: _texts(s) for d, s in zip(WEEKDAYS, calendar.breaks, strict=True)},
        "leave": [{"first": e.first, "last": e.last, "reason": e.reason} for e in calendar.leave],
        "days": {d: _texts(s) for d, s in sorted(calendar.days.items())},
        "holidays_off": calendar.holidays_off,
    }


def kept(calendar: Calendar) -> str:
    """As the table keeps it; `read` reads it back."""
    return orjson.dumps(shown(calendar)).decode()


def read(document: str) -> Calendar:
    """The calendar of a kept document; `{}` is the usual one."""
    data = orjson.loads(document)
    return checked(CalendarIn(version=0, **data)) if data else USUAL_CALENDAR


def _texts(spans: Iterable[Span]) -> list[str]:
    return [f"{clock(a)}-{clock(b)}" for a, b in spans]


def _span(text: str) -> Span | None:
    match = _SPAN.match(text)
    if match is None:
        return None
    a, b, c, d = (int(part) for part in match.groups())
    return a * 60 + b, c * 60 + d
