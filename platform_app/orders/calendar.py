"""When a provider works: weekly hours, breaks, leave, single days, public holidays. Pure.

Times of the day are minutes since midnight in Shanghai; a span is [from, to) and lies within one day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from platform_app.kit.holidays import HOLIDAYS

Span = tuple[int, int]
Week = tuple[tuple[Span, ...], ...]
USUAL: Week = (((8 * 60, 22 * 60),),) * 7


@dataclass(frozen=True, slots=True)
class Leave:
    """Days off, both ends included, as YYYY-MM-DD."""

    first: str
    last: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """`week` and `breaks` hold seven days, Monday first. A day in `days` is as it says there, whatever else holds."""

    week: Week = USUAL
    breaks: Week = ((),) * 7
    leave: tuple[Leave, ...] = ()
    days: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    holidays_off: bool = False

    def spans(self, day: str) -> tuple[Span, ...]:
        """When work is possible on a day, ascending, apart from each other; () on a day off."""
        special = self.days.get(day)
        if special is not None:
            return special
        if any(leave.first <= day <= leave.last for leave in self.leave):
            return ()
        if self.holidays_off and day in HOLIDAYS:
            return ()
        weekday = date.fromisoformat(day).weekday()
        return without(self.week[weekday], self.breaks[weekday])

    def why_not(self, day: str) -> str:
        """Why a day has no working time at all, for the customer."""
        if day not in self.days and any(leave.first <= day <= leave.last for leave in self.leave):
            return "服务者当天请假"
        if day not in self.days and self.holidays_off and day in HOLIDAYS:
            return f"服务者{HOLIDAYS[day]}休息"
        return "服务者当天休息"


def without(spans: Iterable[Span], breaks: Iterable[Span]) -> tuple[Span, ...]:
    """Spans less breaks."""
    found = list(spans)
    for start, end in breaks:
        cut = [piece for a, b in found for piece in ((a, min(b, start)), (max(a, end), b))]
        found = [(a, b) for a, b in cut if a < b]
    return tuple(found)


USUAL_CALENDAR = Calendar()
"""Of a provider who has not said anything: 08:00 to 22:00 on every day."""
