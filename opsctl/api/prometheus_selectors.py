"""`match[]` and the like: what Prometheus takes for a series selector, and its words for what is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsctl.api.prometheus_errors import ApiError, bad
from opsctl.model.labels import quote
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError, PromqlParseError, parse
from opsctl.promql.syntax import Selector

_NON_EMPTY = "match[] must contain at least one non-empty matcher"
_NAME = re.compile(r"\s*[a-zA-Z_:][a-zA-Z0-9_:]*")
_BRACES = re.compile(r"""\s*\{(?:[^"'`}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\}""")
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[a-zA-Z_:][\w:]*)|(?P<duration>[0-9]+[a-z]\w*)|(?P<number>[0-9][\w.]*)"""
    r"""|(?P<string>"[^"]*"|'[^']*'|`[^`]*`)|(?P<operator>[=!<>]=|[-+*/%^<>@])|(?P<sign>\S))"""
)
_KEYWORDS = frozenset(
    ["offset", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "anchored", "smoothed"]
)
_OPERATORS = frozenset(["and", "or", "unless", "atan2"])
_AGGREGATIONS = frozenset(
    ["avg", "bottomk", "count", "count_values", "group", "max", "min", "quantile", "stddev", "stdvar", "sum", "topk"]
)


def selectors_of(texts: Sequence[str], name: str = "") -> list[Sequence[Matcher]]:
    """The matchers of each selector; `name`: the parameter that the error names. Raises ApiError."""
    found = [selector_of(text, name) for text in texts]
    if any(all(m.matches("") for m in matchers) for matchers in found):
        raise _wrong(_NON_EMPTY, name)
    return found


def selector_of(text: str, name: str = "") -> Sequence[Matcher]:
    """The matchers of one selector, which may also be such that they match everything."""
    end = _end(text)
    if not end or text[end:].strip():
        raise _wrong(_unexpected(text, end), name)
    try:
        node = parse(text)
    except PromqlError as error:
        if _is_empty(error):
            return _loose(text, name)
        raise _wrong(error.message, name) from error
    if not isinstance(node, Selector):
        raise _wrong(_unexpected(text, 0), name)
    return node.matchers


def _wrong(message: str, name: str) -> ApiError:
    return bad(name, message) if name else ApiError("bad_data", message)


def _is_empty(error: PromqlError) -> bool:
    return isinstance(error, PromqlParseError) and error.reason.endswith("at least one non-empty matcher")


def _loose(text: str, name: str) -> Sequence[Matcher]:
    """A selector that says nothing by itself: parsed beside a matcher of ours, which is taken off again."""
    inner = text.strip()[1:-1].strip().removesuffix(",")
    node = parse(f'{{__name__!="",{inner}}}' if inner else '{__name__!=""}')
    assert isinstance(node, Selector)
    return node.matchers[1:]


def _end(text: str) -> int:
    """Where the selector that begins the text ends; 0 when none does. An open brace is for the parser to refuse."""
    name = _NAME.match(text)
    end = name.end() if name else 0
    braces = _BRACES.match(text, end)
    if braces:
        return braces.end()
    return len(text) if text[end:].lstrip().startswith("{") else end


def _unexpected(text: str, end: int) -> str:
    token = _TOKEN.match(text, end)
    if not text:
        return "unknown position: parse error: unexpected end of input"
    if token is None:
        return f"1:{len(text) + 1}: parse error: unexpected end of input"
    kind = token.lastgroup or "sign"
    return f"1:{token.start(kind) + 1}: parse error: unexpected {_described(kind, token[kind])}"


def _described(kind: str, text: str) -> str:
    """A token as the parser names it."""
    word = text.lower() if kind == "word" else ""
    if word in _KEYWORDS:
        return f"<{word}>"
    if kind == "operator" or word in _OPERATORS:
        return f"<op:{text}>"
    if word in _AGGREGATIONS:
        return f"<aggr:{word}>"
    if word in ("inf", "nan"):
        return f"number {quote(text)}"
    if kind == "sign":
        return f"character: {text!r}" if text in "})]" else quote(text)
    return f"{'identifier' if kind == 'word' else kind} {quote(text)}"
