"""The text that the parser library gets: every literal rewritten, every duration replaced by its place in a table.

The library reads `[1.5]` as one second, unescapes raw strings, and panics on `@ -5` or `offset 1e300`; so `[1.5]`
becomes `[7ms]`, where 7 is the place of 1500 in `spans`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from opsctl.promql.errors import PromqlParseError
from opsctl.promql.lexer import Token, duration_ms, number, tokens

_OUT_OF_RANGE = "duration out of range"
_ENDLESS = ("inf", "nan")
_HIDDEN = 0x10FF00
_SURROGATE = re.compile("[\udc80-\udcff]")
_BYTE = re.compile("[\U0010ff80-\U0010ffff]")
_LONGEST = 200_000
_MOST_TOKENS = 20_000
_MOST_OPERATORS = 1_000
_FARTHEST_MS = 9_223_372_036_854  # what a Go duration holds


@dataclass(frozen=True)
class Normalised:
    """`text` for the library, the `tokens` of the original, and `spans` (ms) that `text`'s durations point into."""

    text: str
    tokens: list[Token]
    spans: list[int]


def normalise(text: str) -> Normalised:
    """Rewrites an expression for the library. Raises PromqlParseError."""
    if len(text) > _LONGEST:
        raise PromqlParseError(f"the expression is longer than {_LONGEST} characters", text, 0)
    found = tokens(text)
    if not found:
        raise PromqlParseError("no expression found in input", text, 0)
    operators = sum(t.kind == "operator" and t.text in "+-*/%^==!=<=>=" for t in found)
    words = sum(t.kind == "identifier" and t.text.lower() in ("and", "or", "unless", "atan2") for t in found)
    if len(found) > _MOST_TOKENS or operators + words > _MOST_OPERATORS:
        raise PromqlParseError("the expression has too many parts", text, 0)
    return _Writer(text, found).write()


class _Writer:
    def __init__(self, text: str, found: list[Token]) -> None:
        self._text = text
        self._tokens = found
        self._spans: list[int] = []
        self._out: list[str] = []

    def write(self) -> Normalised:
        index, bracket = 0, 0
        while index < len(self._tokens):
            token = self._tokens[index]
            bracket += (token.text == "[") - (token.text == "]") if token.kind == "operator" else 0
            index = self._one(index, token, bracket > 0)
        return Normalised("".join(self._out), self._tokens, self._spans)

    def _one(self, index: int, token: Token, in_bracket: bool) -> int:
        before = self._tokens[index - 1] if index else None
        if token.kind == "string":
            self._out.append(_quoted(token.value) + " ")
        elif in_bracket and token.text.lower() in _ENDLESS:
            raise PromqlParseError(_OUT_OF_RANGE, self._text, token.position)
        elif in_bracket and token.kind in ("number", "duration"):
            self._out.append(self._span(token, 1, positive=True))
        elif before is not None and self._takes_span(before):
            return self._signed(index, before)
        elif token.kind == "number":
            self._out.append(_plain(number(token.text)) + " ")
        elif token.kind == "duration":
            self._out.append(_plain(duration_ms(token.text) / 1000) + " ")
        elif token.text == "," and self._trailing(index):
            pass
        else:
            self._out.append(token.text if in_bracket else token.text + " ")
        return index + 1

    def _takes_span(self, before: Token) -> bool:
        if before.kind == "operator":
            return before.text == "@"
        return before.kind == "identifier" and before.text.lower() == "offset"

    def _signed(self, index: int, before: Token) -> int:
        """A signed number or duration after `offset` or `@`; anything else goes through as it is."""
        sign, here = 1, index
        while here < len(self._tokens) and self._tokens[here].text in ("+", "-"):
            sign = -sign if self._tokens[here].text == "-" else sign
            here += 1
        token = self._tokens[here] if here < len(self._tokens) else None
        if token is not None and token.text.lower() in _ENDLESS:
            instant = before.text == "@"
            reason = f"timestamp out of bounds for @ modifier: {token.text}" if instant else _OUT_OF_RANGE
            raise PromqlParseError(reason, self._text, token.position)
        if token is None or token.kind not in ("number", "duration"):
            self._out.append(self._tokens[index].text + " ")
            return index + 1
        placed = self._span(token, sign, positive=False, instant=before.text == "@")
        self._out.append(placed + " ")
        return here + 1

    def _span(self, token: Token, sign: int, positive: bool, instant: bool = False) -> str:
        seconds = number(token.text) if token.kind == "number" else 0.0
        exact = seconds * 1000 if token.kind == "number" else float(duration_ms(token.text))
        if not math.isfinite(exact) or exact > (2.0**62 if instant else _FARTHEST_MS):
            reason = f"timestamp out of bounds for @ modifier: {token.text}" if instant else _OUT_OF_RANGE
            raise PromqlParseError(reason, self._text, token.position)
        ms = math.floor(exact + 0.5) if token.kind == "number" else int(exact)
        if positive and ms <= 0:
            raise PromqlParseError("duration must be greater than 0", self._text, token.position)
        self._spans.append(sign * ms)
        return f"{len(self._spans)}" if instant else f"{len(self._spans)}ms"

    def _trailing(self, index: int) -> bool:
        """Whether a comma stands before a closing parenthesis, which Prometheus 3 allows."""
        after = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
        return after is not None and after.text == ")" and index > 0 and self._tokens[index - 1].text not in ("(", ",")


def _plain(value: float) -> str:
    return "Inf" if math.isinf(value) else repr(value)


def _quoted(value: str) -> str:
    """A string literal for the library; bytes that are not UTF-8 travel as noncharacters (see `restored`)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    hidden = _SURROGATE.sub(lambda m: chr(ord(m.group()) - 0xDC00 + _HIDDEN), escaped)
    return f'"{hidden}"'


def restored(value: str) -> str:
    """A string as it was before `_quoted` hid its invalid bytes."""
    return value if value.isascii() else _BYTE.sub(lambda m: chr(ord(m.group()) - _HIDDEN + 0xDC00), value)
