"""Splits a template into text and the tokens of its actions. Source: text/template/parse/lex.go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from opsctl.gotemplate.errors import TemplateError

Kind = Literal[
    "text", "open", "close", "identifier", "field", "variable", "string", "char", "number",
    "pipe", "declare", "assign", "comma", "left", "right", "dot", "space",
]  # fmt: skip

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TOKENS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("space", re.compile(r"[ \t\r\n]+")),
    ("declare", re.compile(r":=")),
    ("assign", re.compile(r"=")),
    ("pipe", re.compile(r"\|")),
    ("comma", re.compile(r",")),
    ("left", re.compile(r"\(")),
    ("right", re.compile(r"\)")),
    ("string", re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')),
    ("char", re.compile(r"'(?:[^'\\\n]|\\[^\n]+?)'")),
    ("number", re.compile(r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)")),
    ("variable", re.compile(r"\$\w*")),
    ("field", re.compile(r"\.[^\W\d]\w*")),
    ("dot", re.compile(r"\.")),
    ("identifier", re.compile(r"[^\W\d]\w*")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    line: int
    column: int = 0


def lex(text: str, name: str) -> list[Token]:
    """All tokens; spaces within actions are tokens, since they end a chain of fields."""
    found: list[Token] = []
    at, trim = 0, False
    while at < len(text):
        begin = text.find("{{", at)
        end = len(text) if begin < 0 else begin
        plain = text[at:end]
        line = text.count("\n", 0, at) + 1
        opens_trimmed = begin >= 0 and _trims(text, begin + 2)
        plain = plain.lstrip(" \t\r\n") if trim else plain
        plain = plain.rstrip(" \t\r\n") if opens_trimmed else plain
        if plain:
            found.append(Token("text", plain, line))
        if begin < 0:
            break
        at, trim = _action(text, begin + (4 if opens_trimmed else 2), name, found)
    return found


def _trims(text: str, at: int) -> bool:
    return text[at : at + 1] == "-" and text[at + 1 : at + 2] in (" ", "\t", "\r", "\n")


def _action(text: str, at: int, name: str, found: list[Token]) -> tuple[int, bool]:
    """Reads one action; gives the place after it, and whether it trims the text that follows."""
    comment = text.startswith("/*", at)
    if comment:
        return _comment(text, at, name)
    found.append(Token("open", "{{", text.count("\n", 0, at) + 1))
    depth = 0
    while True:
        line = text.count("\n", 0, at) + 1
        closing = re.compile(r"[ \t\r\n]-\}\}|\}\}").match(text, at)
        if closing:
            if depth:
                raise TemplateError("unclosed left paren", name, line)
            found.append(Token("close", "}}", line))
            return closing.end(), len(closing.group()) == 4
        if at >= len(text):
            raise TemplateError("unclosed action", name, line)
        token = _token(text, at, name, line)
        depth += (token.kind == "left") - (token.kind == "right")
        if depth < 0:
            raise TemplateError("unexpected right paren", name, line)
        found.append(token)
        at += len(token.text)


def _comment(text: str, at: int, name: str) -> tuple[int, bool]:
    line = text.count("\n", 0, at) + 1
    match = _COMMENT.match(text, at)
    if match is None:
        raise TemplateError("unclosed comment", name, line)
    closing = re.compile(r"[ \t\r\n]-\}\}|\}\}").match(text, match.end())
    if closing is None:
        raise TemplateError("comment ends before closing delimiter", name, line)
    return closing.end(), len(closing.group()) == 4


def _token(text: str, at: int, name: str, line: int) -> Token:
    for kind, pattern in _TOKENS:
        match = pattern.match(text, at)
        if match and match.group():
            column = len(text[text.rfind("\n", 0, at) + 1 : at].encode("utf-8", "surrogatepass"))
            return _checked(Token(kind, match.group(), line, column), text, at, name)
    char = text[at]
    if char in "\"`'":
        what = {
            '"': "unterminated quoted string",
            "`": "unterminated raw quoted string",
            "'": "unterminated character constant",
        }
        raise TemplateError(what[char], name, line)
    raise TemplateError(f"unrecognized character in action: U+{ord(char):04X} {char!r}", name, line)


def _checked(token: Token, text: str, at: int, name: str) -> Token:
    end = at + len(token.text)
    after = text[end : end + 1]
    if token.kind == "number" and (after.isalnum() or after == "_"):
        raise TemplateError(f'bad number syntax: "{token.text}{after}"', name, token.line)
    if token.kind in ("field", "variable", "identifier") and after and not (after in " \t\r\n.,|:=)(}" or after == "-"):
        raise TemplateError(f"bad character U+{ord(after):04X} {after!r}", name, token.line)
    return token
