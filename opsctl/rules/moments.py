"""Times and durations in rule templates: printed as Go prints them, with the methods that templates call on them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from opsctl.gotemplate import TemplateError
from opsctl.gotemplate.durations import duration_text
from opsctl.rules.humanize import check_time, time_text

_LAYOUT: Mapping[str, Callable[[datetime], str]] = {
    "January": lambda at: f"{at:%B}",
    "Jan": lambda at: f"{at:%b}",
    "Monday": lambda at: f"{at:%A}",
    "Mon": lambda at: f"{at:%a}",
    "MST": lambda at: "UTC",
    "2006": lambda at: f"{at.year:04d}",
    "Z07:00": lambda at: "Z",
    "-07:00": lambda at: "+00:00",
    "-0700": lambda at: "+0000",
    ".000": lambda at: f".{at.microsecond // 1000:03d}",
    "01": lambda at: f"{at:%m}",
    "02": lambda at: f"{at:%d}",
    "03": lambda at: f"{at:%I}",
    "04": lambda at: f"{at:%M}",
    "05": lambda at: f"{at:%S}",
    "06": lambda at: f"{at:%y}",
    "15": lambda at: f"{at:%H}",
    "PM": lambda at: f"{at:%p}",
    "pm": lambda at: f"{at:%p}".lower(),
    "_2": lambda at: f"{at.day:2d}",
    "1": lambda at: str(at.month),
    "2": lambda at: str(at.day),
    "3": lambda at: str((at.hour + 11) % 12 + 1),
    "4": lambda at: str(at.minute),
    "5": lambda at: str(at.second),
}
_STD = re.compile("|".join(map(re.escape, _LAYOUT)))


@dataclass(frozen=True)
class Moment:
    """A time in epoch seconds, in UTC."""

    seconds: float

    def __go_text__(self) -> str:
        return time_text(self.seconds)

    def template_fields(self) -> Mapping[str, Any]:
        """The methods of Go's time.Time that tell a part of it."""
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(self.seconds * 1000))
        parts = {"Year": at.year, "Day": at.day, "Hour": at.hour, "Minute": at.minute, "Second": at.second}
        return {
            **parts,
            "Month": f"{at:%B}",
            "Weekday": f"{at:%A}",
            "YearDay": at.timetuple().tm_yday,
            "Unix": int(self.seconds // 1),
            "UnixMilli": int(self.seconds * 1000),
            "UTC": self,
            "Format": lambda layout: _STD.sub(lambda found: _LAYOUT[found.group()](at), layout),
        }


def moment(seconds: float) -> Moment:
    """A time that Go can hold. Raises TemplateError."""
    if not math.isfinite(seconds):
        raise TemplateError("value is NaN or Inf")
    check_time(seconds)
    return Moment(seconds)


@dataclass(frozen=True)
class Length:
    """A duration in seconds."""

    seconds: float

    def __go_text__(self) -> str:
        return duration_text(self.seconds)

    def template_fields(self) -> Mapping[str, Any]:
        """The methods of Go's time.Duration that tell it in one unit."""
        return {
            "Hours": self.seconds / 3600,
            "Minutes": self.seconds / 60,
            "Seconds": self.seconds,
            "Milliseconds": int(self.seconds * 1000),
            "String": duration_text(self.seconds),
        }
