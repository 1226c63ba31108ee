"""PromQL's grammar: tokens → tree, operators by precedence. Source: promql/parser/generated_parser.y.

What does not fit is told in Prometheus' words: the nearest rule that knows what it expected says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsctl.promql.errors import PromqlParseError
from opsctl.promql.labelling import Labelling
from opsctl.promql.lexer import FILLS, Token
from opsctl.promql.literals import unquoted
from opsctl.promql.reader import Reader
from opsctl.promql.signatures import EXPERIMENTAL, SIGNATURES
from opsctl.promql.spans import Spans
from opsctl.promql.syntax import SETS, Aggregate, Binary, Call, Card, Matching, Node, Number, Paren, Signed, Text

_PRECEDENCE = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "</": 3, ">/": 3, "+": 4, "-": 4, "*": 5, "/": 5,
    "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_SIGN = 5  # a sign binds as a product does: −1^2 is −(1^2)
_WITH_PARAM = ("topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio")
_NEEDS_FLAG = "is experimental and must be enabled with --enable-feature=promql-experimental-functions"
_NAMING = ("by", "offset", "without", "anchored", "smoothed")
_CARDS: dict[str, Card] = {"group_left": "many-to-one", "group_right": "one-to-many"}


class Grammar:
    """Reads one expression."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._reader = Reader(text, found)
        self._labels = Labelling(self._reader)
        self._spans = Spans(self._reader)
        self._context = ""

    def whole(self) -> Node:
        """The whole text as one expression. Raises PromqlParseError."""
        if self._reader.ended:
            raise self._reader.refuse("no expression found in input", 0)
        tree = self._expression(0)
        if not self._reader.ended:
            raise self._unexpected()
        return tree

    def _unexpected(self) -> PromqlParseError:
        return self._reader.unexpected(self._context)

    def _expression(self, least: int) -> Node:
        """Operators that bind more tightly than `least`."""
        left = self._signed()
        while True:
            token = self._reader.token
            strength = _PRECEDENCE.get(token.text.lower(), 0) if token.kind == "operator" else 0
            if strength <= least:
                return left
            left = self._binary(left, strength)

    def _signed(self) -> Node:
        signs: list[Token] = []
        while self._reader.is_operator("+", "-"):
            signs.append(self._reader.take())
        if not signs:
            return self._spans.modified(self._operand())
        made = self._expression(_SIGN)
        for sign in reversed(signs):
            made = self._with_sign(sign, made)
        return made

    @staticmethod
    def _with_sign(sign: Token, node: Node) -> Node:
        negative = sign.text == "-"
        if isinstance(node, Number):
            return Number(-node.value if negative else node.value, sign.position, node.duration)
        return Signed(node, "-" if negative else "+", sign.position)

    def _binary(self, left: Node, strength: int) -> Node:
        op = self._reader.take()
        word = op.text.lower()
        matching, return_bool = self._modifiers(word in SETS)
        filled = self._fills()
        right = self._expression(strength - (word == "^"))
        if filled:
            raise self._reader.refuse("binop fill modifiers are experimental and not enabled", left.position)
        return Binary(word, left, right, matching, return_bool, left.position, op.position)

    def _modifiers(self, is_set: bool) -> tuple[Matching, bool]:
        reader = self._reader
        return_bool = reader.accept("keyword", "bool")
        matching = Matching("many-to-many" if is_set else "one-to-one", False, (), ())
        on = reader.is_word("on")
        if not on and not reader.is_word("ignoring"):
            return matching, return_bool
        reader.take()
        matching = replace(matching, on=on, labels=self._labels.names())
        if reader.is_word("group_left", "group_right"):
            card = _CARDS[reader.take().text.lower()]
            nameless = self._begins(reader.token) and not reader.is_mark("(")
            include = () if nameless or reader.is_word(*FILLS) else self._labels.names()
            matching = replace(matching, card=card, include=include)
        return matching, return_bool

    def _fills(self) -> bool:
        """`fill(…)` is read, and refused when the whole operation is known."""
        found = False
        while self._reader.is_word(*FILLS):
            found = True
            self._reader.take()
            self._reader.expect("(", self._context)
            while self._reader.is_operator("+", "-"):
                self._reader.take()
            if self._reader.token.kind not in ("number", "duration"):
                raise self._unexpected()
            self._reader.take()
            self._reader.expect(")", self._context)
        return found

    def _operand(self) -> Node:
        token, reader = self._reader.token, self._reader
        if token.kind in ("number", "duration"):
            return Number(reader.value(reader.take()), token.position, token.kind == "duration")
        if token.kind == "string":
            return Text(unquoted(reader.take().text), token.position)
        if reader.is_mark("("):
            return self._parenthesised()
        if reader.is_mark("{"):
            return self._labels.selector(None)
        if token.kind == "aggregator":
            return self._aggregator()
        if token.kind in ("identifier", "preprocessor") and reader.after.text == "(":
            return self._call()
        if self._names_metric(token):
            return self._labels.selector(reader.take())
        raise self._unexpected()

    @staticmethod
    def _names_metric(token: Token) -> bool:
        if token.kind == "keyword":
            return token.text.lower() in _NAMING
        return token.kind in ("identifier", "metric identifier", "preprocessor") or token.text.lower() in SETS

    def _parenthesised(self) -> Node:
        begin = self._reader.take()
        inside = self._expression(0)
        self._reader.expect(")", self._context)
        return Paren(inside, begin.position)

    def _call(self) -> Node:
        name = self._reader.take()
        args = self._arguments()
        if name.text in EXPERIMENTAL:
            raise self._reader.refuse(f'function "{name.text}" is not enabled', name.position)
        if name.text not in SIGNATURES:
            raise self._reader.refuse(f'unknown function with name "{name.text}"', name.position)
        return Call(name.text, args, name.position)

    def _arguments(self) -> tuple[Node, ...]:
        reader = self._reader
        reader.expect("(", self._context)
        made: list[Node] = []
        while not reader.is_mark(")") or made:
            made.append(self._expression(0))
            if not reader.is_mark(","):
                break
            comma = reader.take()
            if not self._begins(reader.token):
                raise reader.refuse("trailing commas not allowed in function call args", comma.position)
        reader.expect(")", self._context)
        return tuple(made)

    def _begins(self, token: Token) -> bool:
        """Whether an expression can begin here (an error of the lexer is told as such)."""
        if token.kind in ("number", "duration", "string", "aggregator", "error") or token.text in ("(", "{", "+", "-"):
            return True
        return self._names_metric(token)

    def _aggregator(self) -> Node:
        """Without parentheses or grouping behind it, the word is a metric's name."""
        op = self._reader.take()
        if not self._reader.is_mark("(") and not self._reader.is_word("by", "without"):
            return self._labels.selector(op)
        with self._within("aggregation"):
            grouping = self._grouping()
            args = self._arguments()
        return self._aggregate(op, args, grouping or self._grouping() or ((), False))

    @contextmanager
    def _within(self, context: str) -> Iterator[None]:
        before, self._context = self._context, context
        yield
        self._context = before

    def _grouping(self) -> tuple[tuple[str, ...], bool] | None:
        if not self._reader.is_word("by", "without"):
            return None
        without = self._reader.take().text.lower() == "without"
        return self._labels.names(), without

    def _aggregate(self, op: Token, args: tuple[Node, ...], grouping: tuple[tuple[str, ...], bool]) -> Node:
        word = op.text.lower()
        if not args:
            raise self._reader.refuse("no arguments for aggregate expression provided", op.position)
        if word.startswith("limit"):
            raise self._reader.refuse(f"{word}() {_NEEDS_FLAG}", op.position)
        wanted = 1 + (word in _WITH_PARAM)
        if len(args) != wanted:
            raise self._reader.refuse(
                f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(args)}",
                op.position,
            )
        return Aggregate(word, args[-1], args[0] if wanted == 2 else None, *grouping, op.position)
