"""The types of an expression: what a node takes must be what the nodes below it give.

Source: promql/parser/parse.go checkAST, in its order, for the first error is the one that is told.
"""

from __future__ import annotations

from opsctl.model.labels import METRIC_NAME, quote
from opsctl.promql.errors import PromqlParseError
from opsctl.promql.signatures import SIGNATURES
from opsctl.promql.syntax import (
    COMPARISONS,
    SETS,
    Aggregate,
    Binary,
    Call,
    Node,
    Paren,
    Range,
    Selector,
    Signed,
    Subquery,
    ValueType,
    value_type,
)  # fmt: skip

TYPE_NAMES: dict[ValueType, str] = {
    "vector": "instant vector", "matrix": "range vector", "scalar": "scalar", "string": "string",
}  # fmt: skip


def check(node: Node, text: str) -> ValueType:
    """The type of a node whose parts fit. Raises PromqlParseError."""
    return _Check(text).node(node)


class _Check:
    def __init__(self, text: str) -> None:
        self._text = text

    def _refuse(self, reason: str, position: int) -> PromqlParseError:
        return PromqlParseError(reason, self._text, position)

    def node(self, node: Node) -> ValueType:
        if isinstance(node, Binary):
            self._chain(node)
        elif isinstance(node, Aggregate):
            self._aggregate(node)
        elif isinstance(node, Call):
            self._call(node)
        elif isinstance(node, Signed):
            self._signed(node.expr, node.position)
        elif isinstance(node, Paren):
            self.node(node.expr)
        elif isinstance(node, Subquery):
            given = self.node(node.expr)
            if given != "vector":
                raise self._refuse(f"subquery is only allowed on instant vector, got {given} instead", node.position)
        elif isinstance(node, Selector | Range):
            self._selector(node.selector if isinstance(node, Range) else node)
        return value_type(node)

    def _signed(self, node: Node, position: int) -> None:
        given = self.node(node)
        if given not in ("scalar", "vector"):
            raise self._refuse(
                "unary expression only allowed on expressions of type scalar or instant vector, got "
                f'"{TYPE_NAMES[given]}"', position,
            )  # fmt: skip

    def _expect(self, node: Node, wanted: ValueType, context: str) -> None:
        given = self.node(node)
        if given != wanted:
            raise self._refuse(
                f"expected type {TYPE_NAMES[wanted]} in {context}, got {TYPE_NAMES[given]}", node.position
            )

    def _aggregate(self, node: Aggregate) -> None:
        self._expect(node.expr, "vector", "aggregation expression")
        if node.param is not None:
            self._expect(node.param, "string" if node.op == "count_values" else "scalar", "aggregation parameter")

    def _call(self, node: Call) -> None:
        signature = SIGNATURES[node.name]
        most, given = len(signature.takes), len(node.args)
        least = most - bool(signature.optional)
        if not signature.optional and given != most:
            wanted = str(most)
        elif given < least:
            wanted = f"at least {least}"
        else:
            wanted = f"at most {most}" if signature.optional == 1 and given > most else ""
        if wanted:
            raise self._refuse(f'expected {wanted} argument(s) in call to "{node.name}", got {given}', node.position)
        for index, argument in enumerate(node.args):
            self._expect(argument, signature.takes[min(index, most - 1)], f'call to function "{node.name}"')

    def _chain(self, node: Binary) -> None:
        """A left-deep chain of operators is taken in a loop, for it may be long."""
        chain: list[Binary] = []
        here: Node = node
        while isinstance(here, Binary):
            chain.append(here)
            here = here.lhs
        left = self.node(here)
        for link in reversed(chain):
            right = self.node(link.rhs)
            self._binary(link, left, right)
            left = "scalar" if left == right == "scalar" else "vector"

    def _binary(self, node: Binary, left: ValueType, right: ValueType) -> None:
        matching = node.matching
        if node.return_bool and node.op not in COMPARISONS:
            raise self._refuse("bool modifier can only be used on comparison operators", node.operator)
        if node.op in COMPARISONS and not node.return_bool and left == right == "scalar":
            raise self._refuse("comparisons between scalars must use BOOL modifier", node.operator)
        for name in matching.labels:
            if matching.on and name in matching.include:
                raise self._refuse(f"label {quote(name)} must not occur in ON and GROUP clause at once", node.operator)
        for side, kind in ((node.lhs, left), (node.rhs, right)):
            if kind not in ("scalar", "vector"):
                raise self._refuse("binary expression must contain only scalar and instant vector types", side.position)
        if "scalar" in (left, right):
            if matching.labels:
                raise self._refuse("vector matching only allowed between instant vectors", node.position)
            if node.op in SETS:
                raise self._refuse(f'set operator "{node.op}" not allowed in binary scalar expression', node.position)
        elif node.op in SETS and matching.card != "many-to-many":
            raise self._refuse(f'no grouping allowed for "{node.op}" operation', node.position)

    def _selector(self, node: Selector) -> None:
        if node.outside:
            for matcher in node.matchers[:-1]:
                if matcher.name == METRIC_NAME:
                    raise self._refuse(
                        f"metric name must not be set twice: {quote(node.name)} or {quote(matcher.value)}",
                        node.position,
                    )
        elif all(matcher.matches("") for matcher in node.matchers):
            raise self._refuse("vector selector must contain at least one non-empty matcher", node.position)
