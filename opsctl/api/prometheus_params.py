"""The parameters of Prometheus' API: from the query string or a form, with Prometheus' words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from opsctl.api.prometheus_errors import ApiError, bad
from opsctl.api.prometheus_times import Moment, parse_span, parse_time
from opsctl.model.labels import quote

_MOST_POINTS = 11_000
_MOST_BYTES = 10 << 20
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}")
_MS = 10**6
_LONGEST = 2**63 - 1
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")
_ESCAPED = re.compile(r"(?:[a-zA-Z0-9:]|__|_[0-9a-fA-F]{1,6}_)*")
_ESCAPE = re.compile(r"_([0-9a-fA-F]{1,6})?_")


class Form:
    """Values by name; where a name comes more than once its first value counts, as in Go."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, value in pairs:
            self._lists.setdefault(name, []).append(value)

    def get(self, name: str, default: str = "") -> str:
        return self._lists.get(name, [default])[0]

    def getlist(self, name: str) -> list[str]:
        return self._lists.get(name, [])


@dataclass(frozen=True)
class Span:
    """A range of evaluation, in ms."""

    start_ms: int
    end_ms: int
    step_ms: int


async def read_form(request: Request) -> Form:
    """The query string, with a POSTed form's values before it. Reads the whole body, which is at most 10 MB."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    posted = request.method in ("POST", "PUT", "PATCH")
    if posted and kind == "multipart/form-data":
        return Form([*await _multipart(request), *request.query_params.multi_items()])
    body = await _whole(request)
    pairs = _pairs(body) if posted and kind == "application/x-www-form-urlencoded" else []
    return Form([*pairs, *request.query_params.multi_items()])


async def read_strict_form(request: Request) -> Form:
    """As read_form; a query string with escapes that are none is refused, not read as far as it goes."""
    wrong = _BAD_ESCAPE.search(request.scope["query_string"].decode("latin-1"))
    if wrong:
        raise ApiError("bad_data", f"error parsing form values: invalid URL escape {quote(wrong[0])}")
    return await read_form(request)


async def _multipart(request: Request) -> list[tuple[str, str]]:
    try:
        form = await request.form()
    except Exception as error:  # starlette's own kinds of a form that is none
        raise ApiError("bad_data", f"error parsing form values: {error}") from error
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def _whole(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise ApiError("bad_data", "error parsing form values: http: POST too large")
        parts.append(part)
    return b"".join(parts)


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("latin-1"), keep_blank_values=True)


def time_of(form: Form, name: str, default: Moment) -> Moment:
    """A time that may be left out."""
    text = form.get(name, "")
    if not text:
        return default
    try:
        return parse_time(text)
    except ValueError as error:
        raise bad(name, f"invalid time value for '{name}': {error}") from error


def _border(form: Form, name: str) -> Moment:
    try:
        return parse_time(form.get(name, ""))
    except ValueError as error:
        raise bad(name, str(error)) from error


def timeout_of(form: Form) -> float | None:
    """How many seconds the caller waits; None for no word of it."""
    text = form.get("timeout", "")
    try:
        return parse_span(text) / 1e9 if text else None
    except ValueError as error:
        raise bad("timeout", str(error)) from error


def lookback_of(form: Form) -> int:
    """`lookback_delta` in ms; 0 for no word of it."""
    text = form.get("lookback_delta", "")
    try:
        return max(0, parse_span(text) // _MS) if text else 0
    except ValueError as error:
        raise ApiError("bad_data", f"error parsing lookback delta duration: {error}") from error


def span_of(form: Form) -> Span:
    """start, end and step of a range query, at most 11,000 points."""
    start, end = _border(form, "start"), _border(form, "end")
    if end < start:
        raise bad("end", "end timestamp must not be before start time")
    try:
        step = parse_span(form.get("step", ""))
    except ValueError as error:
        raise bad("step", str(error)) from error
    if step <= 0:
        raise bad("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    if min(end.ns - start.ns, _LONGEST) // step > _MOST_POINTS:
        raise ApiError(
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)",
        )
    first = start.engine_ms
    return Span(first, max(first, end.engine_ms), max(1, step // _MS))


def limit_of(form: Form, name: str = "limit") -> int:
    """A limit; 0 is none."""
    text = form.get(name, "")
    if not text:
        return 0
    count = atoi(name, text)
    if count < 0:
        raise bad(name, "limit must be non-negative")
    return count


def count_of(form: Form, name: str) -> int:
    """A limit of metadata; below 0 is none."""
    text = form.get(name, "")
    try:
        return atoi(name, text) if text else -1
    except ApiError as error:
        raise ApiError("bad_data", f"{name} must be a number") from error


def atoi(name: str, text: str, call: str = "Atoi", bits: int = 64, before: str = "") -> int:
    """A whole number, refused in Go's words."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise bad(name, f"{before}strconv.{call}: parsing {quote(text)}: invalid syntax")
    edge = 2 ** (bits - 1)
    if len(text) > 20 or not -edge <= int(text) < edge:
        raise bad(name, f"{before}strconv.{call}: parsing {quote(text)}: value out of range")
    return int(text)


def truth_of(form: Form, name: str) -> bool:
    """A truth value as Go reads it, upper and lower case alike; left out it is false."""
    text = form.get(name, "").lower()
    if text and text not in _TRUE + _FALSE:
        raise bad(name, f"error converting {name}: strconv.ParseBool: parsing {quote(text)}: invalid syntax")
    return text in _TRUE


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
