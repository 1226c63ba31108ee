"""What stands behind an expression: `[5m]`, `[1h:1m]`, `offset 5m`, `@ 1234`, `@ start()`."""

from __future__ import annotations

import math
from dataclasses import replace

from opsctl.promql.lexer import Token
from opsctl.promql.reader import Reader
from opsctl.promql.syntax import At, Node, Range, Selector, Subquery

_BEFORE = "modifier must be preceded by an instant vector selector or range vector selector or a subquery"
_DURATION = "number, duration, step(), or range()"
_LONGEST = 2.0**63 / 1e9  # seconds in a Go duration
_FARTHEST = 2.0**62  # ms: far enough from what an integer holds to be added to
_NO_EXPRESSIONS = "experimental duration expression is not enabled"


class Spans:
    """Reads modifiers from the grammar's place."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def modified(self, node: Node) -> Node:
        """The node with everything that stands behind it."""
        reader = self._reader
        while True:
            if reader.is_mark("["):
                node = self._range(node)
            elif reader.is_word("offset"):
                reader.take()
                node = self._with_offset(node, self._offset())
            elif reader.is_operator("@"):
                reader.take()
                node = self._at(node)
            elif reader.is_word("anchored", "smoothed"):
                word = reader.token.text.lower()
                raise reader.refuse(f"{word} modifier is experimental and not enabled", node.position)
            else:
                return node

    def _range(self, node: Node) -> Node:
        reader = self._reader
        bracket = reader.take()
        span = self._positive("subquery or range selector", _DURATION)
        if reader.is_mark("]"):
            reader.take()
            return self._selected(node, span, bracket)
        reader.expect(":", "subquery or range", '":" or "]"')
        step = 0
        if not reader.is_mark("]"):
            step = self._positive("subquery selector", 'number, duration, step(), range(), or "]"')
        reader.expect("]", "subquery selector", '"]"')
        return Subquery(node, span, step, position=node.position)

    def _selected(self, node: Node, span: int, bracket: Token) -> Node:
        if not isinstance(node, Selector):
            raise self._reader.refuse("ranges only allowed for vector selectors", bracket.position)
        if node.offset_ms or node.at is not None:
            kind = "offset" if node.offset_ms else "@"
            raise self._reader.refuse(f"no {kind} modifiers allowed before range", bracket.position)
        return Range(node, span)

    def _positive(self, context: str, expected: str) -> int:
        """A duration in brackets (ms), greater than 0."""
        first = self._reader.token
        seconds = self._literal(context, expected)
        if self._reader.is_operator("+", "-", "*", "/", "%", "^"):
            raise self._reader.refuse(_NO_EXPRESSIONS, first.position)
        if not seconds > 0:
            raise self._reader.refuse("duration must be greater than 0", first.position)
        return _milliseconds(seconds)

    def _offset(self) -> int:
        return _milliseconds(self._literal("offset", _DURATION))

    def _literal(self, context: str, expected: str) -> float:
        """A number or duration with at most one sign (seconds)."""
        reader = self._reader
        first = reader.token
        sign = reader.take().text if reader.is_operator("+", "-") else ""
        if reader.token.kind == "preprocessor":
            reader.take()
            reader.expect("(", context, expected)
            raise reader.refuse(_NO_EXPRESSIONS, first.position)
        if reader.is_mark("("):
            raise reader.refuse(_NO_EXPRESSIONS, first.position)
        if reader.token.kind not in ("number", "duration"):
            raise reader.unexpected(context, expected)
        seconds = reader.value(reader.take())
        if not -_LONGEST <= seconds <= _LONGEST:
            raise reader.refuse("duration out of range", first.position)
        return -seconds if sign == "-" else seconds

    def _with_offset(self, node: Node, offset: int) -> Node:
        target = node.selector if isinstance(node, Range) else node
        if not isinstance(target, Selector | Subquery):
            raise self._reader.refuse(f"offset {_BEFORE}", node.position)
        if target.offset_ms:
            raise self._reader.refuse("offset may not be set multiple times", node.position)
        moved = replace(target, offset_ms=offset)
        return replace(node, selector=moved) if isinstance(node, Range) else moved  # type: ignore[arg-type]

    def _at(self, node: Node) -> Node:
        at = self._moment(node)
        target = node.selector if isinstance(node, Range) else node
        if not isinstance(target, Selector | Subquery):
            raise self._reader.refuse(f"@ {_BEFORE}", node.position)
        if target.at is not None:
            raise self._reader.refuse("@ <timestamp> may not be set multiple times", node.position)
        moved = replace(target, at=at)
        return replace(node, selector=moved) if isinstance(node, Range) else moved  # type: ignore[arg-type]

    def _moment(self, node: Node) -> At:
        reader = self._reader
        word = reader.token.text.lower()
        if reader.token.kind == "preprocessor" and word in ("start", "end"):
            reader.take()
            reader.expect("(", "@", "timestamp")
            reader.expect(")", "@", "timestamp")
            return "start" if word == "start" else "end"
        sign = reader.take().text if reader.is_operator("+", "-") else ""
        if reader.token.kind not in ("number", "duration"):
            raise reader.unexpected("@", "timestamp")
        seconds = reader.value(reader.take()) * (-1 if sign == "-" else 1)
        if not abs(seconds * 1000) < _FARTHEST:
            raise reader.refuse(f"timestamp out of bounds for @ modifier: {_fixed(seconds)}", node.position)
        return int(math.copysign(math.floor(abs(seconds * 1000) + 0.5), seconds))


def _milliseconds(seconds: float) -> int:
    """By way of whole nanoseconds, as Go's durations are; what is less than a millisecond is cut off."""
    return math.trunc(round(seconds * 1e9) / 1_000_000)


def _fixed(value: float) -> str:
    """Go's %f."""
    if math.isnan(value):
        return "NaN"
    return f"{value:f}" if math.isfinite(value) else ("+Inf" if value > 0 else "-Inf")
