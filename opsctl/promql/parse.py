"""Expression text → syntax tree, by the promql-parser package.

The package gets a normalised text (normalise.py): strings, numbers and durations are read by our lexer, which
bounds length and depth, knows positions, and keeps out what makes the package panic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import promql_parser as rust

from opsctl.model.labels import METRIC_NAME
from opsctl.model.matcher import Matcher
from opsctl.promql.errors import PromqlError, PromqlParseError
from opsctl.promql.locate import Places, locate
from opsctl.promql.normalise import Normalised, normalise, restored
from opsctl.promql.syntax import (
    Aggregate,
    At,
    Binary,
    Call,
    Matching,
    Negate,
    Node,
    Number,
    Paren,
    Range,
    Selector,
    Subquery,
    Text,
)  # fmt: skip

EXPERIMENTAL_AGGREGATIONS = ("limitk", "limit_ratio")
EXPERIMENTAL_FUNCTIONS = frozenset(
    [
        "double_exponential_smoothing",
        "first_over_time",
        "info",
        "mad_over_time",
        "sort_by_label",
        "sort_by_label_desc",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
        "histogram_quantiles",
        "max_of",
        "min_of",
        "start",
        "end",
        "step",
        "range",
    ]
)
_CARDS = {
    "OneToOne": "one-to-one",
    "ManyToOne": "many-to-one",
    "OneToMany": "one-to-many",
    "ManyToMany": "many-to-many",
}
_MATCH_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The syntax tree of an expression. Raises PromqlParseError on anything else."""
    normal = normalise(text)
    tree = _read(text, normal)
    try:
        return _Converter(text, normal).node(tree)
    except RecursionError:
        raise PromqlParseError("the expression is nested too deeply", text, 0) from None


def _read(text: str, normal: Normalised) -> Any:
    try:
        return rust.parse(normal.text)
    except ValueError as error:
        reason, position = locate(text, normal.tokens, str(error))
        raise PromqlParseError(reason, text, position) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a defect of the library, which it raises beside Exception
            raise
        raise PromqlParseError(f"the parser gave up: {error}", text, 0) from None


class _Converter:
    """Turns the package's objects into our nodes, giving back the durations and positions."""

    def __init__(self, text: str, normal: Normalised) -> None:
        self._text = text
        self._spans = normal.spans
        self._places = Places(normal.tokens)

    def node(self, tree: Any) -> Node:
        kind = type(tree).__name__
        if kind == "BinaryExpr":
            return self._binary(tree)
        made: Node = getattr(self, f"_{kind}")(tree)
        return made

    def _NumberLiteral(self, tree: Any) -> Node:
        return Number(tree.val)

    def _StringLiteral(self, tree: Any) -> Node:
        return Text(restored(tree.val))

    def _ParenExpr(self, tree: Any) -> Node:
        return Paren(self.node(tree.expr))

    def _UnaryExpr(self, tree: Any) -> Node:
        return Negate(self.node(tree.expr))

    def _VectorSelector(self, tree: Any) -> Selector:
        name = tree.name or ""
        position = self._places.selector(name)
        if tree.matchers.or_matchers:
            raise self._refuse('unexpected identifier "or" in label matching, expected "," or "}"', position)
        matchers = [Matcher(METRIC_NAME, "=", name)] if name else []
        for each in tree.matchers.matchers:
            matchers.append(self._matcher(each, position))
        own = name or next((m.value for m in matchers if m.name == METRIC_NAME and m.op == "="), "")
        return Selector(own, tuple(matchers), self._offset(tree), self._at(tree), position)

    def _matcher(self, tree: Any, position: int) -> Matcher:
        op = _MATCH_OPS[str(tree.op).rsplit(".", 1)[-1]]
        try:
            return Matcher(tree.name, op, tree.value)  # type: ignore[arg-type]
        except ValueError as error:
            raise self._refuse(str(error), position) from error

    def _MatrixSelector(self, tree: Any) -> Node:
        return Range(self._VectorSelector(tree.vector_selector), self._span(tree.range))

    def _SubqueryExpr(self, tree: Any) -> Node:
        expr = self.node(tree.expr)
        step = self._span(tree.step) if tree.step else 0
        return Subquery(expr, self._span(tree.range), step, self._offset(tree), self._at(tree))

    def _Call(self, tree: Any) -> Node:
        name = tree.func.name
        position = self._places.word(name)
        if name in EXPERIMENTAL_FUNCTIONS:
            raise self._refuse(f'function "{name}" is not enabled', position)
        return Call(name, tuple(self.node(a) for a in tree.args), position)

    def _AggregateExpr(self, tree: Any) -> Node:
        op = str(tree.op)
        position = self._places.word(op)
        if op in EXPERIMENTAL_AGGREGATIONS:
            raise self._refuse(
                f"{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                position,
            )
        without = tree.modifier is not None and str(tree.modifier.type).endswith("Without")
        labels = tuple(tree.modifier.labels) if tree.modifier is not None else ()
        param = self.node(tree.param) if tree.param is not None else None
        return Aggregate(op, self.node(tree.expr), param, labels, without, position)

    def _binary(self, tree: Any) -> Node:
        """A left-deep chain of operators is taken in a loop, for it may be long."""
        chain = []
        while type(tree).__name__ == "BinaryExpr":
            chain.append(tree)
            tree = tree.lhs
        made = self.node(tree)
        for link in reversed(chain):
            matching, return_bool = self._matching(link.modifier)
            made = Binary(str(link.op), made, self.node(link.rhs), matching, return_bool)
        return made

    def _matching(self, modifier: Any) -> tuple[Matching, bool]:
        if modifier is None:
            return Matching("one-to-one", False, (), ()), False
        fill = modifier.fill_values
        if fill.lhs is not None or fill.rhs is not None:
            raise self._refuse("binop fill modifiers are experimental and not enabled", self._places.find("fill"))
        card = _CARDS[str(modifier.card).rsplit(".", 1)[-1]]
        on = modifier.matching is not None and str(modifier.matching.type).endswith("Include")
        labels = tuple(modifier.matching.labels) if modifier.matching is not None else ()
        include = tuple(modifier.group_labels or ())
        return Matching(card, on, labels, include), modifier.return_bool  # type: ignore[arg-type]

    def _span(self, delta: Any) -> int:
        place: int = round(delta.total_seconds() * 1000)
        return self._spans[place - 1]

    def _offset(self, tree: Any) -> int:
        return self._span(tree.offset) if tree.offset else 0

    def _at(self, tree: Any) -> At:
        if tree.at is None:
            return None
        kind = str(tree.at.type).rsplit(".", 1)[-1]
        if kind == "At":
            place: int = round(tree.at.at.timestamp())
            return self._spans[place - 1]
        return "start" if kind == "Start" else "end"

    def _refuse(self, reason: str, position: int) -> PromqlError:
        return PromqlParseError(reason, self._text, position)
