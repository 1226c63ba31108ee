"""The parameters of Prometheus' API: from the query string or a form, with Prometheus' words for what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from opsctl.model.duration import parse_duration
from opsctl.model.labels import quote
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError, PromqlParseError, parse
from opsctl.promql.syntax import Selector

_OLDEST_MS, _NEWEST_MS = -(2**53), 2**53
_MOST_POINTS = 11_000
_ESCAPED = re.compile(r"(?:[a-zA-Z0-9:]|__|_[0-9a-fA-F]{1,6}_)*")
_ESCAPE = re.compile(r"_([0-9a-fA-F]{1,6})?_")
_EMPTY = "match[] must contain at least one non-empty matcher"


class ApiError(Exception):
    """An answer with `status: error`; `kind` is Prometheus' errorType, which decides the HTTP status."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


Form = ImmutableMultiDict[str, str]


@dataclass(frozen=True)
class Span:
    """A range of evaluation, in ms."""

    start_ms: int
    end_ms: int
    step_ms: int


async def read_form(request: Request) -> Form:
    """The query string, with a POSTed form's values before it."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST" and "form" in request.headers.get("content-type", ""):
        try:
            form = await request.form()
        except Exception as error:  # starlette's own kinds of a form that is none
            raise ApiError("bad_data", f"error parsing form values: {error}") from error
        pairs = [(k, v) for k, v in form.multi_items() if isinstance(v, str)] + pairs
    return ImmutableMultiDict(pairs)


def bad(name: str, why: str) -> ApiError:
    return ApiError("bad_data", f'invalid parameter "{name}": {why}')


def parse_time(text: str) -> int:
    """Unix seconds or RFC 3339, as ms. Raises ValueError."""
    try:
        seconds = float(text)
    except ValueError:
        return _parse_rfc3339(text)
    if not math.isfinite(seconds) or not _OLDEST_MS <= seconds * 1000 <= _NEWEST_MS:
        raise ValueError(f'cannot parse "{text}" to a valid timestamp')
    return round(seconds * 1000)


def _parse_rfc3339(text: str) -> int:
    if not re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", text):
        raise ValueError(f'cannot parse "{text}" to a valid timestamp')
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f'cannot parse "{text}" to a valid timestamp') from error
    return round(at.timestamp() * 1000)


def time_of(form: Form, name: str, default_ms: int) -> int:
    """A time that may be left out."""
    text = form.get(name, "")
    if not text:
        return default_ms
    try:
        return parse_time(text)
    except ValueError as error:
        raise bad(name, f"Invalid time value for '{name}': {error}") from error


def _border(form: Form, name: str) -> int:
    try:
        return parse_time(form.get(name, ""))
    except ValueError as error:
        raise bad(name, str(error)) from error


def seconds_of(form: Form, name: str, default: float) -> float:
    """A duration: seconds as a number, or Prometheus' notation."""
    text = form.get(name, "")
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_duration(text)
        except ValueError as error:
            raise bad(name, f'cannot parse "{text}" to a valid duration') from error
    if not math.isfinite(seconds) or abs(seconds) > 9e9:
        raise bad(name, f'cannot parse "{text}" to a valid duration. It overflows int64')
    return seconds


def span_of(form: Form) -> Span:
    """start, end and step of a range query, at most 11,000 points."""
    start, end = _border(form, "start"), _border(form, "end")
    if end < start:
        raise bad("end", "end timestamp must not be before start time")
    if not form.get("step"):
        raise bad("step", 'cannot parse "" to a valid duration')
    step = round(seconds_of(form, "step", 0.0) * 1000)
    if step <= 0:
        raise bad("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    if (end - start) // step > _MOST_POINTS:
        raise ApiError(
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)",
        )
    return Span(start, end, step)


def limit_of(form: Form, name: str = "limit") -> int:
    """A limit; 0 is none."""
    text = form.get(name, "")
    if not text:
        return 0
    count = atoi(name, text)
    if count < 0:
        raise bad(name, "limit must be non-negative")
    return count


def atoi(name: str, text: str, call: str = "Atoi") -> int:
    """A whole number of 64 bits, refused in Go's words."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise bad(name, f"strconv.{call}: parsing {quote(text)}: invalid syntax")
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise bad(name, f"strconv.{call}: parsing {quote(text)}: value out of range")
    return int(text)


def label_name_of(text: str) -> str:
    """A label's name in a path, where `U__` marks an escaped one (`U__a_2e_b` is a.b). Raises ApiError."""
    name = _unescaped(text) if text.startswith("U__") else text
    if not name or "\ufffd" in name:
        raise ApiError("bad_data", f"invalid label name: {quote(name)}")
    return name


def _unescaped(text: str) -> str:
    """The name behind `U__`: `__` is an underscore, `_HEX_` a character; what is neither leaves the text as it is."""
    body = text.removeprefix("U__")
    if not _ESCAPED.fullmatch(body):
        return text
    codes = [int(code, 16) for code in _ESCAPE.findall(body) if code]
    if any(code > 0x10FFFF or 0xD800 <= code < 0xE000 for code in codes):
        return text
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else "_", body)


def matchers_of(form: Form, required: bool) -> list[Sequence[Matcher]]:
    """The `match[]` selectors."""
    texts = form.getlist("match[]")
    if required and not texts:
        raise ApiError("bad_data", "no match[] parameter provided")
    return [selector_of(text) for text in texts]


def selector_of(text: str, name: str = "match[]") -> Sequence[Matcher]:
    """The matchers of a series selector."""
    try:
        node = parse(text)
    except PromqlError as error:
        empty = isinstance(error, PromqlParseError) and error.reason.endswith("at least one non-empty matcher")
        raise bad(name, _EMPTY if empty else error.message) from error
    if not isinstance(node, Selector):
        raise bad(name, f"{text!r} is not a series selector")
    return node.matchers
