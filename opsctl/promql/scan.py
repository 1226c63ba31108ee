"""How far a number or an escape sequence reaches, and what is wrong with it. Source: promql/parser/lex.go."""

from __future__ import annotations

import re

ALNUM = re.compile(r"[a-zA-Z0-9_]")


def rune(char: str) -> str:
    """A character as Go's %q prints it."""
    if char == "":
        return "'�'"
    if char in "'\\":
        return f"'\\{char}'"
    return f"'{char}'" if char.isprintable() else repr(char)


def is_digit(char: str) -> bool:
    return char.isascii() and char.isdigit()


def scan_number(text: str, start: int) -> tuple[int, bool]:
    """Where a number ends, and whether it is one: neither two dots nor two exponents, underscores between digits."""
    digits = "0123456789"
    at = start
    if text[at : at + 2].lower() == "0x":
        digits, at = "0123456789abcdefABCDEF", at + 2
        at += text[at : at + 1] == "_"
    dotted = raised = False
    while at < len(text) and text[at] in digits + "._eE":
        char, after = text[at], text[at + 1 : at + 2]
        at += 1
        if char in digits:
            continue
        if char == ".":
            if dotted or after in ("_", ".") or len(digits) > 10:
                return at + (not dotted and after in ("_", ".")), False
            dotted = True
        elif char == "_":
            if after == "" or after in "._eE":
                return at + bool(after), False
        else:
            if raised:
                return at, False
            raised = True
            at += text[at : at + 1] in ("+", "-")
            after = text[at : at + 1]
            if after == "" or after in "._eE":
                return at + bool(after), False
    return at, not ALNUM.match(text, at)


def scan_escape(text: str, at: int, mark: str) -> tuple[int, str]:
    """Behind an escape sequence whose backslash has been read, or what is wrong with it."""
    char = text[at : at + 1]
    if char and char in "abfnrtv\\" + mark:
        return at + 1, ""
    forms = {"x": (2, 16, 0xFF), "u": (4, 16, 0x10FFFF), "U": (8, 16, 0x10FFFF)}
    count, base, most = (3, 8, 0xFF) if char and char in "01234567" else forms.get(char, (0, 0, 0))
    if not count:
        return at, f"unknown escape sequence {_code(char)}" if char else "escape sequence not terminated"
    at += base == 16
    for place in range(at, at + count):
        digit = text[place : place + 1]
        if not digit:
            return place, "escape sequence not terminated"
        if digit not in "0123456789abcdefABCDEF" or int(digit, 16) >= base:
            return place, f"illegal character {_code(digit)} in escape sequence"
    value = int(text[at : at + count], base)
    bad = value > most or 0xD800 <= value < 0xE000
    return at + count, "escape sequence is an invalid Unicode code point" if bad else ""


def _code(char: str) -> str:
    return f"U+{ord(char):04X}" + (f" '{char}'" if char.isprintable() else "")
