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
_GO_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.|$)", re.DOTALL)
_GO_ESCAPES = {**_ESCAPES, "a": "\a", "b": "\b", "f": "\f", "r": "\r", "v": "\v"}


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
            (found,) = _utf8(text)
        except ValueError:
            found = None
        if found is None:
            raise
        return found


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
            ("word", unquote(value[1:-1])) if kind == "quoted" else ("word" if kind == "bare" else kind, value)
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
        raise ValueError(f"bad matcher format: {text}")
    name, op, value = match.groups()
    if value.startswith('"') != (value.endswith('"') and len(value) > 1):
        raise ValueError(f"matcher value contains unescaped double quote: {value}")
    inner = value[1:-1] if value.startswith('"') else value
    if _LONE_QUOTE.search(inner):
        raise ValueError(f"matcher value contains unescaped double quote: {value}")
    return Matcher(name, cast(Op, op), unescape(inner))


def unescape(text: str) -> str:
    """Resolves backslash escapes; an unknown one is kept as it stands, for regular expressions."""
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)


def unquote(text: str) -> str:
    """The inside of a double-quoted Go string: bytes as \\xNN and \\NNN, runes as \\uXXXX. Raises ValueError."""

    def one(match: re.Match[str]) -> bytes:
        code = match[1]
        if code in _GO_ESCAPES:
            return _GO_ESCAPES[code].encode()
        if len(code) < 3:
            raise ValueError(f"bad escape \\{code} in {text!r}")
        if code[0] in "uU":
            return chr(int(code[1:], 16)).encode()
        return bytes([int(code[1:], 16) if code[0] == "x" else int(code, 8)])

    parts, at = [], 0
    for match in _GO_ESCAPE.finditer(text):
        parts += [text[at : match.start()].encode(), one(match)]
        at = match.end()
    return b"".join([*parts, text[at:].encode()]).decode()
