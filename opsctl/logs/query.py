"""The query language: Lucene's query string, read once into a small tree that every store carries out alike.

    payment AND timeout          both words, in any field; words side by side mean AND as well
    "connection refused"         words in a row; 支付失败 is a row too: Chinese is read character by character
    service:orders level:error   a field; service, level, trace, time stand for their ECS names
    http.response.status_code:[500 TO 599]   also >=500, {0 TO 1}, [500 TO *]
    gate*                        words that begin so; field:* lines that have the field
    NOT x, -x, (a OR b) AND c

Fuzzy, boosted, proximity and regular expression terms are refused by name: the stores would not agree on them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from luqum import tree
from luqum.exceptions import ParseError
from luqum.thread import parse as parse_lucene

from opsctl.core.clock import parse_iso
from opsctl.core.errors import UsageError
from opsctl.model.duration import parse_duration

TIME = "@timestamp"
KEYWORDS = ("log.level", "service.name", "trace.id")
_ALIASES = {
    "level": "log.level", "service": "service.name", "trace": "trace.id", "trace_id": "trace.id",
    "time": TIME, "at": TIME, "timestamp": TIME,
}  # fmt: skip
_LEVELS = (
    ("trace",), ("debug",), ("info", "information", "notice"), ("warning", "warn"), ("error", "err"),
    ("critical", "fatal", "alert", "emergency"),
)  # fmt: skip
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Everything:
    """Any line."""


@dataclass(frozen=True)
class Match:
    """The words of `text` in a row; `field` '' is any field; `prefix`: the last word may go on."""

    field: str
    text: str
    prefix: bool = False


@dataclass(frozen=True)
class Between:
    """A number or, for the time, epoch seconds, between two bounds; None is open."""

    field: str
    low: float | None
    high: float | None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True)
class Has:
    """The line has this field."""

    field: str


@dataclass(frozen=True)
class All:
    parts: tuple[Query, ...]


@dataclass(frozen=True)
class Any:
    parts: tuple[Query, ...]


@dataclass(frozen=True)
class No:
    part: Query


Query = Everything | Match | Between | Has | All | Any | No


def parse_query(text: str, now: float) -> Query:
    """The tree of a query string; '' and `*` are every line. `now` is what now means in a time range.

    Raises UsageError that names what is not understood.
    """
    if not text.strip():
        return Everything()
    try:
        return _read(parse_lucene(text), "", now)
    except (ParseError, RecursionError) as error:
        raise UsageError(f"query not understood: {error}", 'put text with : / ( ) or - into "quotes"') from error


def narrow(query: Query, service: str = "", level: str = "") -> Query:
    """The query, of one service, of a level or worse."""
    parts: list[Query] = [query]
    if service:
        parts.append(Match("service.name", service))
    if level:
        parts.append(Any(tuple(Match("log.level", name) for name in at_least(level))))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def at_least(level: str) -> tuple[str, ...]:
    """All names of this level and of those above it. Raises UsageError for an unknown one."""
    for rank, names in enumerate(_LEVELS):
        if level.lower() in names:
            return tuple(name for each in _LEVELS[rank:] for name in each)
    raise UsageError(f"no log level {level!r}", f"one of: {', '.join(names[0] for names in _LEVELS)}")


def parse_time(text: str, now: float) -> float:
    """Epoch seconds of an ISO time, `now`, `now-15m`, or `15m` (that long ago). Raises UsageError."""
    try:
        if text == "now":
            return now
        if text.startswith("now-"):
            return now - parse_duration(text[4:])
        if re.fullmatch(r"(\d+[a-z]+)+", text):
            return now - parse_duration(text)
        return parse_iso(text)
    except ValueError as error:
        raise UsageError(f"not a time: {text!r}", "write 15m, now-1h or 2026-11-22T14:03:07+08:00") from error


def _read(node: tree.Item, field: str, now: float) -> Query:
    if isinstance(node, tree.SearchField):
        if field:
            raise UsageError(f"query not understood: {field}:{node}", 'put text with : / ( ) or - into "quotes"')
        return _read(node.expr, _ALIASES.get(_plain(node.name), _plain(node.name)), now)
    if isinstance(node, tree.Group | tree.FieldGroup | tree.Plus):
        return _read(node.children[0], field, now)
    if isinstance(node, tree.Not | tree.Prohibit):
        return No(_read(node.children[0], field, now))
    if isinstance(node, tree.OrOperation):
        return Any(tuple(_read(child, field, now) for child in node.children))
    if isinstance(node, tree.AndOperation | tree.UnknownOperation):
        return All(tuple(_read(child, field, now) for child in node.children))
    if isinstance(node, tree.Word):
        return _word(node.value, field, now)
    if isinstance(node, tree.Phrase):
        return _match(field, _plain(node.value[1:-1]), False, now)
    return _bounds(node, field, now)


def _word(value: str, field: str, now: float) -> Query:
    if value == "*":
        return Has(field) if field else Everything()
    stem, prefix = (value[:-1], True) if value.endswith("*") and not value.endswith("\\*") else (value, False)
    if re.search(r"(?<!\\)[*?]", stem):
        raise UsageError(f"wildcard in {value!r} not understood", "only a * at the end of a word is")
    return _match(field, _plain(stem), prefix, now)


def _match(field: str, text: str, prefix: bool, now: float) -> Query:
    if field == TIME:
        at = parse_time(text, now)
        return Between(TIME, at, at)
    return Match(field, text.lower() if field == "log.level" else text, prefix)


def _bounds(node: tree.Item, field: str, now: float) -> Query:
    if isinstance(node, tree.Range) and field:
        low, high = _bound(node.low, field, now), _bound(node.high, field, now)
        return Between(field, low, high, bool(node.include_low), bool(node.include_high))
    if isinstance(node, tree.From) and field:
        return Between(field, _bound(node.a, field, now), None, bool(node.include), True)
    if isinstance(node, tree.To) and field:
        return Between(field, None, _bound(node.a, field, now), True, bool(node.include))
    kind = type(node).__name__.lower()
    raise UsageError(f"{kind} term {str(node).strip()!r} not understood", "see: opsctl logs search --help")


def _bound(node: tree.Item, field: str, now: float) -> float | None:
    text = _plain(str(node).strip().strip('"'))
    if text == "*":
        return None
    if field == TIME:
        return parse_time(text, now)
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{field}: not a number: {text!r}", "ranges are over numbers and times") from error


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
