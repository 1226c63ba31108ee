"""Times and durations in the parameters of Prometheus' API, to Go's rules. Source: web/api/v1/api.go parseTime."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from opsctl.model.duration import parse_duration
from opsctl.model.labels import quote

_SECOND, _MS = 10**9, 10**6
_FURTHEST_MS = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]([01]\d|2[0-4]):[0-5]\d)", re.ASCII
)
_HEX = re.compile(r"[+-]?0x[0-9a-f_]*\.?[0-9a-f_]*p[+-]?\d+", re.ASCII | re.IGNORECASE)
_WORDS = ("inf", "infinity", "nan")
_LEAST = -(2**63)
_BORDERS = {  # what Go's clients write for the first and the last time, in ns
    "-292273086-05-16T16:47:06Z": (62135596801 - 2**63 // 1000) * _SECOND,
    "292277025-08-18T07:12:54.999999999Z": (2**63 // 1000 - 62135596801) * _SECOND + 999_999_999,
}


class Moment:
    """A time of any size, in ns since the epoch."""

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def __lt__(self, other: Moment) -> bool:
        return self.ns < other.ns

    @property
    def engine_ms(self) -> int:
        """As the query engine sees it: 64 bits of ns, beyond them wrapped around."""
        wrapped = _wrapped(self.ns)
        return wrapped // _MS if wrapped >= 0 else -(-wrapped // _MS)

    @property
    def store_ms(self) -> int:
        """As a border for the store: what lies further than any sample is as far as a border goes."""
        return max(-_FURTHEST_MS, min(_FURTHEST_MS, self.ns // _MS))


FIRST, LAST = (Moment(ns) for ns in _BORDERS.values())


def at_ms(ms: int) -> Moment:
    return Moment(ms * _MS)


def parse_time(text: str) -> Moment:
    """Unix seconds or RFC 3339. Raises ValueError."""
    try:
        seconds = go_number(text)
    except ValueError:
        return _parse_rfc3339(text)
    if not math.isfinite(seconds):
        return Moment(_LEAST * _SECOND + _LEAST)
    fraction, whole = math.modf(seconds)
    return Moment(_int64(whole) * _SECOND + round(fraction * 1000) * _MS)


def parse_span(text: str) -> int:
    """A duration in ns: seconds as a number, or Prometheus' notation. Raises ValueError."""
    try:
        ns = go_number(text) * _SECOND
    except ValueError:
        try:
            return round(parse_duration(text) * _SECOND)
        except ValueError as error:
            raise ValueError(f"cannot parse {quote(text)} to a valid duration") from error
    if abs(ns) > 2.0**63:
        raise ValueError(f"cannot parse {quote(text)} to a valid duration. It overflows int64")
    return _int64(ns)


def go_number(text: str) -> float:
    """As Go's strconv.ParseFloat reads it: no blanks, hexadecimal with an exponent, no overflow. Raises ValueError."""
    if not text.isascii() or text != text.strip():
        raise ValueError(text)
    value = float.fromhex(text.replace("_", "")) if _HEX.fullmatch(text) else float(text)
    if math.isinf(value) and text.lower().lstrip("+-") not in _WORDS:
        raise ValueError(text)
    return value


def _parse_rfc3339(text: str) -> Moment:
    if text in _BORDERS:
        return Moment(_BORDERS[text])
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"cannot parse {quote(text)} to a valid timestamp")
    date, _, fraction, zone, _ = match.groups()
    try:
        local = datetime.fromisoformat(date).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"cannot parse {quote(text)} to a valid timestamp") from error
    seconds = (local - _EPOCH) // timedelta(seconds=1) - _offset(zone)
    return Moment(seconds * _SECOND + int((fraction or "0")[:9].ljust(9, "0")))


def _offset(zone: str) -> int:
    if zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -seconds if zone[0] == "-" else seconds


def _int64(value: float) -> int:
    """As Go converts a float on amd64: what does not fit is the least number."""
    return int(value) if math.isfinite(value) and -(2.0**63) <= value < 2.0**63 else _LEAST


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63
