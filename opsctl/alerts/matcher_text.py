"""Matchers as people write them in alertmanager.yml, amtool and API filters: UTF-8 form first, then the classic one."""

from __future__ import annotations

import re
from typing import cast

from opsctl.model.matcher import Matcher, Op

_TOKEN = re.compile(
    r"""\s*(?:(?P<op>=~|!~|!=|=)|(?P<comma>,)|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^\s{}!=~,\\"'`]+))""",
    re.DOTALL,
)
_CLASSIC = re.compile(r"^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*$", re.DOTALL)
_LONE_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"'}


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of `severity="critical",team=~"a|b"`, braces optional. Raises ValueError.

    Source: alertmanager matcher/compat, fallback mode: the UTF-8 grammar, then the classic one.
    """
    try:
        return _utf8(text)
    except ValueError as error:
        try:
            return _classic(text)
        except ValueError:
            raise error from None


def _utf8(text: str) -> tuple[Matcher, ...]:
    tokens = _tokens(_unbraced(text))
    found: list[Matcher] = []
    while tokens:
        if len(tokens) < 3 or tokens[0][0] != "word" or tokens[1][0] != "op" or tokens[2][0] != "word":
            raise ValueError(f'bad matcher {text!r} (write name="value", name=~"regex", != or !~)')
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
        tokens.append(
            ("word", unescape(value[1:-1])) if kind == "quoted" else ("word" if kind == "bare" else kind, value)
        )
        at = match.end()
    return tokens


def _classic(text: str) -> tuple[Matcher, ...]:
    return tuple(_classic_one(part) for part in _split(_unbraced(text)))


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside quotes."""
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
    return [p for p in [*parts, part] if p.strip()]


def _classic_one(text: str) -> Matcher:
    match = _CLASSIC.match(text)
    if match is None:
        raise ValueError(f"bad matcher {text!r}")
    name, op, value = match.groups()
    if value.startswith('"') != (value.endswith('"') and len(value) > 1):
        raise ValueError(f"bad matcher {text!r}: a quote is missing")
    inner = value[1:-1] if value.startswith('"') else value
    if _LONE_QUOTE.search(inner):
        raise ValueError(f"bad matcher {text!r}: a quote inside the value is not escaped")
    return Matcher(name, cast(Op, op), unescape(inner))


def unescape(text: str) -> str:
    """Resolves backslash escapes; an unknown one is kept as it stands, for regular expressions."""
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)
