"""Go's time.Time and time.Duration as templates see them: printed as Go prints them, with their methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsctl.gotemplate.durations import duration_text
from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.layouts import write_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = (2**63 - 1) / 1e9
_FIRST = -62_135_596_800_000_000  # year 1, Go's zero time, in microseconds


def rfc3339(seconds: float | None) -> str:
    """Epoch seconds as Go marshals a time in UTC, zeros after the last digit dropped; None is Go's zero time."""
    if seconds is None:
        return "0001-01-01T00:00:00Z"
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6]
    return text.rstrip("0").rstrip(".") + "Z"


@dataclass(frozen=True)
class GoTime:
    """An instant, in microseconds since 1970, shown in a zone."""

    microseconds: int
    zone: tzinfo = UTC

    @staticmethod
    def at(seconds: float | None) -> GoTime:
        """Epoch seconds; None is Go's zero time."""
        return ZERO if seconds is None else GoTime(round(seconds * 1_000_000))

    @staticmethod
    def of(moment: datetime) -> GoTime:
        return GoTime((moment - _EPOCH) // timedelta(microseconds=1), moment.tzinfo or UTC)

    @property
    def moment(self) -> datetime:
        try:
            return (_EPOCH + timedelta(microseconds=self.microseconds)).astimezone(self.zone)
        except OverflowError as error:
            raise TemplateError("the time is out of range") from error

    @property
    def seconds(self) -> float:
        return self.microseconds / 1e6

    def format(self, layout: str) -> str:
        """The time in a Go layout."""
        if not isinstance(layout, str):
            raise TemplateError("wrong type for value; expected string")
        return write_time(layout, self.moment, self.microseconds % 1_000_000 * 1000)

    def within(self, name: str) -> GoTime:
        """The same instant in a zone by name. Raises TemplateError."""
        try:
            return GoTime(self.microseconds, UTC if name in ("", "UTC") else ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
            raise TemplateError(f"unknown time zone {name}") from error

    def since(self, earlier: GoTime) -> GoDuration:
        """The time between, as far as a duration of Go reaches."""
        return GoDuration(max(-_LONGEST, min(_LONGEST, (self.microseconds - earlier.microseconds) / 1e6)))

    def __go_text__(self) -> str:
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def __go_json__(self) -> str:
        text = self.moment.isoformat()
        head, dot, tail = text.partition(".")
        fraction = f".{tail[:6].rstrip('0')}" if dot else ""
        zone = tail[6:] if dot else head[19:]
        return f"{head[:19]}{fraction}{'Z' if zone == '+00:00' else zone}"

    def template_fields(self) -> Mapping[str, Any]:
        """The methods of Go's time.Time that templates use."""
        at = self.moment
        return {
            "Format": self.format, "String": self.__go_text__, "Year": at.year, "Month": _month(at), "Day": at.day,
            "Hour": at.hour, "Minute": at.minute, "Second": at.second, "Weekday": f"{at:%A}",
            "YearDay": at.timetuple().tm_yday, "Nanosecond": self.microseconds % 1_000_000 * 1000,
            "Unix": self.microseconds // 1_000_000, "UnixMilli": self.microseconds // 1000,
            "UnixMicro": self.microseconds, "UnixNano": self.microseconds * 1000,
            "UTC": GoTime(self.microseconds), "Local": GoTime(self.microseconds),
            "IsZero": self.microseconds == _FIRST, "Sub": lambda other: self.since(_time(other)),
            "Add": lambda length: GoTime(self.microseconds + round(length_of(length).seconds * 1e6), self.zone),
            "Before": lambda other: self.microseconds < _time(other).microseconds,
            "After": lambda other: self.microseconds > _time(other).microseconds,
            "Equal": lambda other: self.microseconds == _time(other).microseconds,
        }  # fmt: skip


ZERO = GoTime(_FIRST)


@dataclass(frozen=True)
class GoMonth:
    """Prints as a name, counts as a number."""

    number: int
    name: str

    def __go_text__(self) -> str:
        return self.name

    def __go_json__(self) -> int:
        return self.number


def _month(at: datetime) -> GoMonth:
    return GoMonth(at.month, f"{at:%B}")


@dataclass(frozen=True)
class GoDuration:
    """A duration in seconds."""

    seconds: float

    def __go_text__(self) -> str:
        return duration_text(self.seconds)

    def __go_json__(self) -> int:
        return round(self.seconds * 1e9)

    def template_fields(self) -> Mapping[str, Any]:
        """The methods of Go's time.Duration."""
        return {
            "Hours": self.seconds / 3600, "Minutes": self.seconds / 60, "Seconds": self.seconds,
            "Milliseconds": int(self.seconds * 1e3), "Microseconds": int(self.seconds * 1e6),
            "Nanoseconds": round(self.seconds * 1e9), "String": self.__go_text__,
            "Abs": GoDuration(abs(self.seconds)),
            "Round": lambda unit: GoDuration(_steps(self.seconds, length_of(unit).seconds, 0.5)),
            "Truncate": lambda unit: GoDuration(_steps(self.seconds, length_of(unit).seconds, 0.0)),
        }  # fmt: skip


def _steps(seconds: float, unit: float, more: float) -> float:
    if unit <= 0:
        return seconds
    return (int(abs(seconds) / unit + more) * unit) * (1 if seconds >= 0 else -1)


def _time(value: Any) -> GoTime:
    if not isinstance(value, GoTime):
        raise TemplateError("wrong type for value; expected time.Time")
    return value


def length_of(value: Any) -> GoDuration:
    """A duration, or the nanoseconds that a number is where Go wants one."""
    if isinstance(value, GoDuration):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return GoDuration(value / 1e9)
    raise TemplateError("wrong type for value; expected time.Duration")
