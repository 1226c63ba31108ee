"""Matchers as people write them in alertmanager.yml, amtool and API filters.

Two grammars: the UTF-8 one, and the classic one before it. Where both read a text and disagree, the classic one is
right, as it was when the file was written. Source: alertmanager matcher/compat, matcher/parse, pkg/labels/parse.go.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from opsctl.gotemplate.constants import unquoted
from opsctl.gotemplate.errors import TemplateError
from opsctl.model.matcher import Matcher, Op

Mode = Literal["fallback", "classic", "utf8"]
_TOKEN = re.compile(
    r"""\s*(?:(?P<op>=~|!~|!=|=)|(?P<comma>,)|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^\s{}!=~,\\"'`]+))""",
    re.DOTALL,
)
_CLASSIC = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*$", re.DOTALL)
_LONE_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "\\": "\\", '"': '"'}


def parse_matchers(text: str, mode: Mode = "fallback") -> tuple[Matcher, ...]:
    """The matchers of `severity="critical",team=~"a|b"`, braces optional. Raises ValueError."""
    if mode == "classic":
        return _classic(text)
    try:
        new = _utf8(text)
    except ValueError as error:
        if mode == "utf8":
            raise
        try:
            return _classic(text)
        except ValueError:
            raise error from None
    return new if mode == "utf8" else _agreed(text, new)


def parse_matcher(text: str, classic: bool = False) -> Matcher:
    """The one matcher of an API filter; where both grammars take it, the classic one decides. Raises ValueError.

    `classic`: the classic grammar alone. Source: alertmanager matcher/compat FallbackMatcherParser.
    """
    if not classic and (text.startswith("{") or text.endswith("}")):
        raise ValueError(f"unexpected open or close brace: {text}")
    try:
        return _classic_one(text)
    except ValueError:
        if classic:
            raise
        try:
            found = _utf8(text)
        except ValueError:
            found = ()
        if len(found) != 1:
            raise
        return found[0]


def _agreed(text: str, new: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    try:
        old = _classic(text)
    except ValueError:
        return new
    return new if old == new else old


def _utf8(text: str) -> tuple[Matcher, ...]:
    tokens = _tokens(_unbraced(text))
    found: list[Matcher] = []
    while tokens:
        if len(tokens) < 3 or tokens[0][0] != "word" or tokens[1][0] != "op" or tokens[2][0] != "word":
            raise ValueError(f'bad matcher {text!r} (write name="value", name=~"regex", != or !~)')
        if not tokens[0][1]:
            raise ValueError(f"bad matcher {text!r}: the label's name is empty")
        found.append(Matcher(tokens[0][1], cast(Op, tokens[1][1]), tokens[2][1]))
        tokens = tokens[3:]
        if tokens and tokens[0][0] != "comma":
            raise ValueError(f"bad matcher {text!r}: a comma is missing before {tokens[0][1]!r}")
        tokens = tokens[1:]
    return tuple(found)


def _unbraced(text: str) -> str:
    inner = text.strip()
    if inner.startswith("{") != inner.endswith("}"):
        raise ValueError(f"bad matcher {text!r}: braces do not match")
    return inner[1:-1] if inner.startswith("{") else inner


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"bad matcher {text!r}: unexpected {text[at:].strip()[:1]!r}")
        kind = str(match.lastgroup)
        value = match.group(kind)
        if kind == "quoted":
            tokens.append(("word", _go_unquoted(value)))
        else:
            tokens.append(("word" if kind == "bare" else kind, value))
        at = match.end()
    return tokens


def _go_unquoted(text: str) -> str:
    """A string as Go reads it; an escape that Go does not know is a mistake."""
    try:
        return unquoted(text)
    except TemplateError as error:
        raise ValueError(f"bad matcher value {text}: {error.reason}") from error


def _classic(text: str) -> tuple[Matcher, ...]:
    return tuple(_classic_one(part) for part in _split(text.removeprefix("{").removesuffix("}")))


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside quotes; nothing after the last comma is no part."""
    parts, part, quoted, escaped = [], "", False, False
    for char in text:
        if char == "," and not quoted:
            parts.append(part)
            part = ""
            continue
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and not escaped
        part += char
    return [*parts, part] if part.strip() else parts


def _classic_one(text: str) -> Matcher:
    match = _CLASSIC.match(text)
    if match is None:
        raise ValueError(f"bad matcher format: {text}")
    name, op, value = match.groups()
    if value.startswith('"') != (value.endswith('"') and len(value) > 1):
        raise ValueError(f"matcher value contains unescaped double quote: {value}")
    inner = value[1:-1] if value.startswith('"') else value
    if _LONE_QUOTE.search(inner):
        raise ValueError(f"matcher value contains unescaped double quote: {value}")
    return Matcher(name, cast(Op, op), unescape(inner))


def unescape(text: str) -> str:
    """Resolves the three escapes of the classic form; any other backslash is kept, for regular expressions."""
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)
