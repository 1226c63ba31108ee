"""Go's layouts of time: `2006-01-02 15:04:05.000 MST`. Source: time/format.go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from opsctl.gotemplate.errors import TemplateError

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STD = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2006|_2|002|01|02|03|04|05|06|15|PM|pm"
    r"|[-Z]07:00:00|[-Z]070000|[-Z]07:00|[-Z]0700|[-Z]07|[.,](?:0+|9+)(?!\d)|[1-5]"
)


def _zone(at: datetime, style: str) -> str:
    seconds = round((at.utcoffset() or timedelta()).total_seconds())
    if style[0] == "Z" and seconds == 0:
        return "Z"
    hours, minutes, rest = abs(seconds) // 3600, abs(seconds) // 60 % 60, abs(seconds) % 60
    colon = ":" if ":" in style else ""
    parts = [f"{hours:02d}"]
    if len(style) > 3:
        parts.append(f"{minutes:02d}")
    if len(style) > 6:
        parts.append(f"{rest:02d}")
    return ("-" if seconds < 0 else "+") + colon.join(parts)


def zone_name(at: datetime) -> str:
    """The zone's abbreviation, or its offset where it has none."""
    name = at.tzname() or "UTC"
    return name if not name.startswith("UTC") or name == "UTC" else _zone(at, "-0700")


_WRITE: Mapping[str, Callable[[datetime], str]] = {
    "January": lambda at: _MONTHS[at.month - 1],
    "Jan": lambda at: _MONTHS[at.month - 1][:3],
    "Monday": lambda at: _DAYS[at.weekday()],
    "Mon": lambda at: _DAYS[at.weekday()][:3],
    "MST": zone_name,
    "2006": lambda at: f"{at.year:04d}",
    "_2006": lambda at: f"_{at.year:04d}",
    "06": lambda at: f"{at.year % 100:02d}",
    "01": lambda at: f"{at.month:02d}",
    "1": lambda at: str(at.month),
    "002": lambda at: f"{at.timetuple().tm_yday:03d}",
    "__2": lambda at: f"{at.timetuple().tm_yday:3d}",
    "02": lambda at: f"{at.day:02d}",
    "_2": lambda at: f"{at.day:2d}",
    "2": lambda at: str(at.day),
    "15": lambda at: f"{at.hour:02d}",
    "03": lambda at: f"{(at.hour + 11) % 12 + 1:02d}",
    "3": lambda at: str((at.hour + 11) % 12 + 1),
    "04": lambda at: f"{at.minute:02d}",
    "4": lambda at: str(at.minute),
    "05": lambda at: f"{at.second:02d}",
    "5": lambda at: str(at.second),
    "PM": lambda at: "AM" if at.hour < 12 else "PM",
    "pm": lambda at: "am" if at.hour < 12 else "pm",
}


def write_time(layout: str, at: datetime, nanoseconds: int) -> str:
    """A time in a layout; `nanoseconds` of its second."""
    made, end = "", 0
    for found in _STD.finditer(layout):
        piece = found.group()
        made += layout[end : found.start()]
        end = found.end()
        if piece[0] in ".,":
            made += _fraction(piece, nanoseconds)
        elif piece[0] in "-Z" and "07" in piece:
            made += _zone(at, piece)
        else:
            made += _WRITE[piece](at)
    return made + layout[end:]


def _fraction(piece: str, nanoseconds: int) -> str:
    digits = f"{nanoseconds:09d}"[: len(piece) - 1]
    if piece[1] == "9":
        digits = digits.rstrip("0")
        return piece[0] + digits if digits else ""
    return piece[0] + digits


_READ: Mapping[str, str] = {
    "January": "(?P<month>" + "|".join(_MONTHS) + ")",
    "Jan": "(?P<month>" + "|".join(m[:3] for m in _MONTHS) + ")",
    "Monday": "(?:" + "|".join(_DAYS) + ")",
    "Mon": "(?:" + "|".join(d[:3] for d in _DAYS) + ")",
    "MST": "(?P<name>[A-Z]{3,5}|[+-]\\d{2,4})",
    "2006": "(?P<year>\\d{4})", "06": "(?P<short>\\d{2})",
    "01": "(?P<mon>\\d{2})", "1": "(?P<mon>\\d{1,2})",
    "02": "(?P<day>\\d{2})", "_2": " ?(?P<day>\\d{1,2})", "2": "(?P<day>\\d{1,2})",
    "15": "(?P<hour>\\d{2})", "03": "(?P<half>\\d{2})", "3": "(?P<half>\\d{1,2})",
    "04": "(?P<minute>\\d{2})", "4": "(?P<minute>\\d{1,2})",
    "05": "(?P<second>\\d{2})(?P<rest>[.,]\\d+)?", "5": "(?P<second>\\d{1,2})(?P<rest>[.,]\\d+)?",
    "PM": "(?P<noon>AM|PM)", "pm": "(?P<noon>am|pm)",
}  # fmt: skip
_OFFSET = r"(?P<offset>{zulu}[+-]\d{{2}}:?(?:\d{{2}})?)"


def read_time(layout: str, text: str) -> datetime:
    """The time that a text in a layout names, UTC where it names no zone. Raises TemplateError."""
    found = re.fullmatch(_pattern(layout), text, re.IGNORECASE)
    if found is None:
        raise TemplateError(f'parsing time "{text}" as "{layout}": cannot parse')
    part = found.groupdict()
    try:
        return datetime(
            int(part.get("year") or _century(part.get("short")) or 1), _month(part), int(part.get("day") or 1),
            _hour(part), int(part.get("minute") or 0), int(part.get("second") or 0),
            int((part.get("rest") or ".0")[1:].ljust(6, "0")[:6]), tzinfo=_offset(part.get("offset") or ""),
        )  # fmt: skip
    except ValueError as error:
        raise TemplateError(f'parsing time "{text}": {error}') from error


def _pattern(layout: str) -> str:
    made, end = "", 0
    for found in _STD.finditer(layout):
        piece = found.group()
        made += re.escape(layout[end : found.start()])
        end = found.end()
        if piece[0] in "-Z" and "07" in piece:
            made += _OFFSET.format(zulu="Z|" if piece[0] == "Z" else "")
        elif piece[0] not in ".,":  # a fraction is taken with the seconds
            made += _READ.get(piece, re.escape(piece))
    try:
        re.compile(made + re.escape(layout[end:]))
    except re.error as error:  # one element twice
        raise TemplateError(f'the layout "{layout}" names a part twice') from error
    return made + re.escape(layout[end:])


def _century(short: str | None) -> int:
    return 0 if short is None else int(short) + (1900 if int(short) >= 69 else 2000)


def _month(part: Mapping[str, str | None]) -> int:
    name = part.get("month")
    if name:
        return next(n for n, month in enumerate(_MONTHS, 1) if month[:3].lower() == name[:3].lower())
    return int(part.get("mon") or 1)


def _hour(part: Mapping[str, str | None]) -> int:
    half = part.get("half")
    hour = int(half if half is not None else part.get("hour") or 0)
    noon = (part.get("noon") or "").upper()
    return hour % 12 + (12 if noon == "PM" else 0) if noon else hour


def _offset(text: str) -> tzinfo:
    if text in ("", "Z", "z"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-away if text[0] == "-" else away)
