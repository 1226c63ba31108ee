"""PromQL's tokens with their positions. What the parser library gets is made of these (normalise.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from opsctl.promql.errors import PromqlParseError

Kind = Literal["identifier", "number", "duration", "string", "operator"]

_SKIP = re.compile(r"(?:\s+|#[^\n]*)+")
_IDENTIFIER = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_IN_BRACKETS = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+(?![\w.])")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?")
_OPERATOR = re.compile(r"==|!=|=~|!~|>=|<=|[-+*/%^<>=,(){}\[\]@:]")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_CODED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")
_PAIRS = {")": "(", "}": "{", "]": "["}
_NAMES = {"(": "parenthesis", "{": "brace", "[": "bracket"}
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` as written, `position` its first character, `value` a string's content."""

    kind: Kind
    text: str
    position: int
    value: str = ""


def tokens(text: str) -> list[Token]:
    """Splits an expression. Raises PromqlParseError with Prometheus' words on a bad character, number or bracket."""
    found: list[Token] = []
    opened: list[Token] = []
    at = 0
    while True:
        blank = _SKIP.match(text, at)
        at = blank.end() if blank else at
        if at >= len(text):
            break
        token = _next(text, at, bool(opened) and opened[-1].text == "[")
        _brackets(text, token, opened)
        found.append(token)
        at += len(token.text)
    if opened:
        inside = opened[-1].text == "{"
        reason = "unexpected end of input inside braces" if inside else f"unclosed left {_NAMES[opened[-1].text]}"
        raise PromqlParseError(reason, text, len(text))
    return found


def _next(text: str, at: int, in_brackets: bool) -> Token:
    char = text[at]
    if char in "\"'`":
        return _string(text, at)
    if char.isascii() and (char.isdigit() or (char == "." and text[at + 1 : at + 2].isdigit())):
        return _number(text, at)
    for kind, pattern in (("identifier", _IN_BRACKETS if in_brackets else _IDENTIFIER), ("operator", _OPERATOR)):
        match = pattern.match(text, at)
        if match:
            return Token(kind, match.group(), at)  # type: ignore[arg-type]
    raise PromqlParseError(f"unexpected character: {char!r}", text, at)


def _number(text: str, at: int) -> Token:
    duration = _DURATION.match(text, at)
    if duration:
        return Token("duration", duration.group(), at)
    match = _NUMBER.match(text, at)
    end = match.end() if match else at + 1
    if re.compile(r"[\w.]").match(text, end):
        word = re.compile(r"[\w.]+").match(text, at)
        raise PromqlParseError(f'bad number or duration syntax: "{word.group() if word else text[at]}"', text, at)
    return Token("number", text[at:end], at)


def _string(text: str, at: int) -> Token:
    mark = text[at]
    if mark == "`":
        end = text.find("`", at + 1)
        if end < 0:
            raise PromqlParseError("unterminated raw string", text, at)
        return Token("string", text[at : end + 1], at, text[at + 1 : end])
    parts: list[str] = []
    here = at + 1
    while here < len(text) and text[here] not in (mark, "\n"):
        if text[here] == "\\":
            char, here = _escape(text, here + 1)
            parts.append(char)
        else:
            parts.append(text[here])
            here += 1
    if here >= len(text) or text[here] == "\n":
        raise PromqlParseError("unterminated quoted string", text, at)
    return Token("string", text[at : here + 1], at, _joined(parts))


def _joined(parts: list[str]) -> str:
    """Escaped bytes that are UTF-8 together become characters; others stay surrogates (not valid in a name)."""
    made = "".join(parts)
    if made.isascii():
        return made
    return made.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _escape(text: str, at: int) -> tuple[str, int]:
    char = text[at : at + 1]
    if char in _ESCAPES and char:
        return _ESCAPES[char], at + 1
    coded = _CODED.match(text, at)
    if coded is None:
        raise PromqlParseError(
            f"unknown escape sequence {char!r}" if char else "escape sequence not terminated", text, at
        )
    hexadecimal = coded.group(1) or coded.group(2) or coded.group(3)
    code = int(hexadecimal, 16) if hexadecimal else int(coded.group(4), 8)
    if (coded.group(1) or coded.group(4)) and 0x80 <= code <= 0xFF:
        return chr(0xDC00 + code), coded.end()  # a byte, as surrogateescape writes it
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise PromqlParseError("escape sequence is an invalid Unicode code point", text, at)
    return chr(code), coded.end()


def _brackets(text: str, token: Token, opened: list[Token]) -> None:
    if token.kind != "operator":
        return
    if token.text in _NAMES:
        opened.append(token)
        if len(opened) > _DEEPEST:
            raise PromqlParseError(f"more than {_DEEPEST} brackets inside each other", text, token.position)
    elif token.text in _PAIRS:
        if not opened or opened[-1].text != _PAIRS[token.text]:
            raise PromqlParseError(
                f"unexpected right {_NAMES[_PAIRS[token.text]]} {token.text!r}", text, token.position
            )
        opened.pop()


def number(text: str) -> float:
    """The value of a number token, as Prometheus reads it (0x1F, 017, 1_000, 1e3)."""
    plain = text.replace("_", "")
    if plain[:2].lower() == "0x":
        return float(int(plain, 16))
    if len(plain) > 1 and plain[0] == "0" and plain.isdigit() and not set(plain) & {"8", "9"}:
        return float(int(plain, 8))
    return float(plain)


def duration_ms(text: str) -> int:
    """Milliseconds of a duration token such as `1h30m`."""
    return sum(int(n) * _UNIT_MS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))
