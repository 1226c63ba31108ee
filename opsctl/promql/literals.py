"""What numbers, durations and strings in an expression mean. Source: Go's strconv, prometheus/common ParseDuration."""

from __future__ import annotations

import re

_UNIT_MS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PARTS = re.compile(r"(\d+)(\D+)")
_FARTHEST_MS = 2**63 // 1_000_000  # what a Go duration holds
_DIGITS = 18
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)


def number(text: str) -> float:
    """The value of a number (0x1F, 017, 1_000, 1e3, Inf). Raises ValueError with Go's words."""
    plain = text.replace("_", "")
    if text.endswith("_"):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    if plain.lower() == "0x":
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    if plain[:2].lower() == "0x":
        return float(int(plain, 16))
    if len(plain) > 1 and plain[0] == "0" and re.fullmatch("[0-7]+", plain):
        return float(int(plain, 8))
    try:
        value = float(plain)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax') from None
    if value == float("inf") and plain[:1].isdigit() | (plain[:1] == "."):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": value out of range')
    return value


def duration_ms(text: str) -> int:
    """Milliseconds of `1h30m`: units from the largest to the smallest, each once. Raises ValueError."""
    units = list(_UNIT_MS)
    total, last = 0, -1
    for digits, unit in _PARTS.findall(text):
        if unit not in _UNIT_MS:
            raise ValueError(f'unknown unit "{unit}" in duration "{text}"')
        if units.index(unit) <= last:
            raise ValueError(f'not a valid duration string: "{text}"')
        last = units.index(unit)
        total += int(digits) * _UNIT_MS[unit] if len(digits) <= _DIGITS else _FARTHEST_MS
    if total >= _FARTHEST_MS:
        raise ValueError("duration out of range")
    return total


def unquoted(text: str) -> str:
    """The content of a quoted or raw string whose escapes are sound; bytes that are not UTF-8 become surrogates."""
    inside = text[1:-1]
    if text[0] == "`" or "\\" not in inside:
        return inside
    made = _ESCAPE.sub(_unescaped, inside)
    return made if made.isascii() else made.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[str]) -> str:
    byte, short, long, octal, plain = match.groups()
    if plain is not None:
        return _PLAIN.get(plain, plain)
    code = int(octal, 8) if octal else int(byte or short or long, 16)
    if (byte or octal) and code >= 0x80:
        return chr(0xDC00 + code)  # as surrogateescape writes a byte
    return chr(code)
