"""Which nodes give the same at every step of a range: Prometheus evaluates them once.

Source: promql/engine.go preprocessExprHelper, AtModifierUnsafeFunctions.
"""

from __future__ import annotations

from opsctl.promql.syntax import Aggregate, Binary, Call, Node, Number, Paren, Range, Selector, Signed, Text, inner

_OF_TIME = frozenset([
    "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "predict_linear", "time",
    "year",
])  # fmt: skip


def invariant(node: Node) -> bool:
    """Whether nothing in a node depends on the step: selectors have an `@`, and no function asks for the time."""
    while isinstance(node, Paren | Signed | Aggregate):
        node = node.expr
    if isinstance(node, Number | Text):
        return True
    if isinstance(node, Call) and node.name == "timestamp":
        asked = inner(node.args[0])
        return isinstance(asked, Selector) and asked.at is not None
    if isinstance(node, Call):
        return node.name not in _OF_TIME and all(map(invariant, node.args))
    if isinstance(node, Binary):
        return _chain(node)
    return (node.selector if isinstance(node, Range) else node).at is not None


def _chain(node: Binary) -> bool:
    """A left-deep chain in a loop, for it may be long."""
    here: Node = node
    while isinstance(here, Binary):
        if not invariant(here.rhs):
            return False
        here = here.lhs
    return invariant(here)
