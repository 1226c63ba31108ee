"""Time intervals: when a route is muted, or when alone it is active."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsctl.alerts.document import TimesOf, WindowOf

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_TIME = re.compile(r"^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$")
Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Ranges are inclusive; times are minutes of the day, the end not included. Empty means any."""

    times: tuple[Range, ...] = ()
    weekdays: tuple[Range, ...] = ()
    days: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    zone: tzinfo

    def holds(self, now: float) -> bool:
        """Whether an instant (epoch seconds) lies in the window."""
        at = datetime.fromtimestamp(now, self.zone)
        minute, last = at.hour * 60 + at.minute, calendar.monthrange(at.year, at.month)[1]
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _in(at.isoweekday() % 7, self.weekdays)
            and _in(at.day, tuple(_month_days(r, last) for r in self.days))
            and _in(at.month, self.months)
            and _in(at.year, self.years)
        )


def _in(value: int, ranges: tuple[Range, ...]) -> bool:
    return not ranges or any(start <= value <= end for start, end in ranges)


def _month_days(days: Range, last: int) -> Range:
    """Negative days count from the month's end; both ends are held inside the month."""
    start, end = (d if d > 0 else last + 1 + d for d in days)
    return max(start, 1), min(end, last)


def parse_window(made: WindowOf) -> Window:
    """A window as written. Raises ValueError."""
    try:
        zone = ZoneInfo(made.location or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone named {made.location!r}") from error
    return Window(
        times=tuple(_times(t) for t in made.times),
        weekdays=tuple(_names(t, _DAYS, 0, "weekday") for t in made.weekdays),
        days=tuple(_day_range(t) for t in made.days_of_month),
        months=tuple(_names(t, _MONTHS, 1, "month") for t in made.months),
        years=tuple(_numbers(t, "year") for t in made.years),
        zone=zone,
    )


def _times(made: TimesOf) -> Range:
    if not made.start_time or not made.end_time:
        raise ValueError("both start and end times must be provided")
    start, end = _minute(made.start_time), _minute(made.end_time)
    if start >= end:
        raise ValueError(f"start_time {made.start_time} is not before end_time {made.end_time}")
    return start, end


def _minute(text: str) -> int:
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"not a time of day: {text!r} (write HH:MM)")
    return int(match[1]) * 60 + int(match[2]) if match[1] else 1440


def _names(text: str, names: tuple[str, ...], base: int, kind: str) -> Range:
    first, _, last = text.lower().partition(":")
    ends = [_name(part.strip(), names, base, kind) for part in (first, last or first)]
    if ends[0] > ends[1]:
        raise ValueError(f"the {kind} range {text!r} ends before it starts")
    return ends[0], ends[1]


def _name(text: str, names: tuple[str, ...], base: int, kind: str) -> int:
    if text in names:
        return names.index(text) + base
    if base and text.isdigit() and base <= int(text) < base + len(names):
        return int(text)
    raise ValueError(f"no {kind} named {text!r}")


def _numbers(text: str, kind: str) -> Range:
    first, _, last = text.partition(":")
    try:
        start, end = int(first), int(last or first)
    except ValueError as error:
        raise ValueError(f"not a {kind} range: {text!r}") from error
    if kind == "year" and start > end:
        raise ValueError(f"the {kind} range {text!r} ends before it starts")
    return start, end


def _day_range(text: str) -> Range:
    start, end = _numbers(text, "day")
    if not all(1 <= abs(d) <= 31 for d in (start, end)):
        raise ValueError(f"not a valid day of the month: a day lies between 1 and 31 or -31 and -1: {text!r}")
    if start < 0 < end:
        raise ValueError(f"end day must be negative if start day is negative: {text!r}")
    # The shortest month decides: what is in order there is in order everywhere.
    first, last = (d if d > 0 else 28 + d for d in (start, end))
    if first > last:
        raise ValueError(f"the day range {text!r} ends before it starts: end day is always before start day")
    return start, end
