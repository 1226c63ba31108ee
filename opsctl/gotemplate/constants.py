"""The values of literals: Go's strings, characters and numbers."""

from __future__ import annotations

import re

from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.lexer import Token

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.?))", re.S
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def string_value(token: Token, name: str) -> str:
    if token.text[0] == "`":
        return token.text[1:-1].replace("\r", "")
    return _bytes_joined(_unescaped(token.text[1:-1], token, name, bytewise=True))


def unquoted(text: str) -> str:
    """What a Go string in double quotes says. Raises TemplateError."""
    if "\n" in text:
        raise TemplateError(f"invalid syntax in string {text}")
    return _bytes_joined(_unescaped(text[1:-1], Token("string", text, 0), "", bytewise=True))


def _bytes_joined(text: str) -> str:
    """Escaped bytes, kept as lone surrogates until here, are the UTF-8 that they make together."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def char_value(token: Token, name: str) -> int:
    """A character constant is its code point."""
    text = _unescaped(token.text[1:-1], token, name)
    if len(text) != 1:
        raise TemplateError(f"malformed character constant: {token.text}", name, token.line)
    return ord(text)


def _unescaped(text: str, token: Token, name: str, bytewise: bool = False) -> str:
    def one(match: re.Match[str]) -> str:
        simple, byte, short, long, octal, bad = match.groups()
        if simple:
            return _SIMPLE.get(simple, simple)
        code = int(byte or short or long or "0", 16) if not octal else int(octal, 8)
        if bad is not None or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise TemplateError(f"invalid syntax in string {token.text}", name, token.line)
        return chr(0xDC00 + code) if bytewise and (byte or octal) and 0x80 <= code <= 0xFF else chr(code)

    return _ESCAPE.sub(one, text)


def number_value(token: Token, name: str) -> int | float:
    """An integer if written as one, a float if written with a point or an exponent."""
    plain = token.text.replace("_", "")
    digits = plain.lstrip("+-")
    try:
        if re.fullmatch(r"0[0-7]+", digits):
            number = int(digits, 8)
            return -number if plain.startswith("-") else number
        return int(plain, 0) if re.fullmatch(r"[+-]?(0[xXbBoO].*|\d+)", plain) else float(plain)
    except (ValueError, OverflowError) as error:
        raise TemplateError(f'illegal number syntax: "{token.text}"', name, token.line) from error
