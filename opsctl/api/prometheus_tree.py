"""parse_query: an expression's syntax tree as Prometheus' JSON. Source: prometheus web/api/v1/translate_ast.go.

What durations made of expressions, fill values and the like would fill is there, and empty: we refuse them.
"""

from __future__ import annotations

from typing import Any

from opsctl.api.prometheus_names import outer_name, says_name
from opsctl.model.labels import METRIC_NAME
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError
from opsctl.promql.number import format_float, printable
from opsctl.promql.signatures import SIGNATURES
from opsctl.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Node,
    Number,
    Paren,
    Range,
    Selector,
    Signed,
    Subquery,
    Text,
    value_type,
)  # fmt: skip

_DEEPEST = 100


def tree(node: Node, text: str, depth: int = 0) -> dict[str, Any]:
    """The node, parsed from `text`, and all below it. Raises PromqlError when it is deeper than JSON may be."""
    if depth > _DEEPEST:
        raise PromqlError("the expression is nested too deeply")
    match node:
        case Number():
            return {"type": "numberLiteral", "val": format_float(node.value)}
        case Text():
            return {"type": "stringLiteral", "val": printable(node.value)}
        case Selector():
            return {"type": "vectorSelector", **_selected(node, text)}
        case Range():
            shown = _selected(node.selector, text)
            return {"type": "matrixSelector", "range": node.range_ms, "rangeExpr": None, **shown}
        case Paren():
            return {"type": "parenExpr", "expr": tree(node.expr, text, depth + 1)}
        case Signed():
            return {"type": "unaryExpr", "op": node.op, "expr": tree(node.expr, text, depth + 1)}
        case Call():
            args = [tree(arg, text, depth + 1) for arg in node.args]
            return {"type": "call", "func": _signature(node.name), "args": args}
        case Aggregate():
            return _aggregate(node, text, depth)
        case Binary():
            return _binary(node, text, depth)
        case Subquery():
            return {
                "type": "subquery", "expr": tree(node.expr, text, depth + 1), "range": node.range_ms, "rangeExpr": None,
                "step": node.step_ms, "stepExpr": None, "offset": node.offset_ms, "offsetExpr": None, **_moment(node),
            }  # fmt: skip


def _aggregate(node: Aggregate, text: str, depth: int) -> dict[str, Any]:
    return {
        "type": "aggregation", "op": node.op, "expr": tree(node.expr, text, depth + 1),
        "param": tree(node.param, text, depth + 1) if node.param is not None else None,
        "grouping": list(node.labels), "without": node.without,
    }  # fmt: skip


def _binary(node: Binary, text: str, depth: int) -> dict[str, Any]:
    vectors = value_type(node.lhs) == value_type(node.rhs) == "vector"
    matching = {
        "card": node.matching.card, "labels": list(node.matching.labels), "on": node.matching.on,
        "include": list(node.matching.include), "fillValues": {"lhs": None, "rhs": None},
    }  # fmt: skip
    return {
        "type": "binaryExpr", "op": node.op, "lhs": tree(node.lhs, text, depth + 1), "rhs": tree(node.rhs, text, depth + 1),
        "matching": matching if vectors else None, "bool": node.return_bool,
    }  # fmt: skip


def _selected(node: Selector, text: str) -> dict[str, Any]:
    """A name before the braces is the last of the matchers."""
    name = outer_name(node, text)
    inner = [m for m in node.matchers if not (name and says_name(m, name))]
    matchers = [*inner, *([Matcher(METRIC_NAME, "=", name)] if name else [])]
    shown = {"name": printable(name), "offset": node.offset_ms, "matchers": [_matcher(m) for m in matchers]}
    return {**shown, **_moment(node), "offsetExpr": None, "anchored": False, "smoothed": False}


def _matcher(matcher: Matcher) -> dict[str, str]:
    return {"name": printable(matcher.name), "value": printable(matcher.value), "type": matcher.op}


def _moment(node: Selector | Subquery) -> dict[str, Any]:
    border = isinstance(node.at, str)
    return {"timestamp": None if border else node.at, "startOrEnd": node.at if border else None}


def _signature(name: str) -> dict[str, Any]:
    found = SIGNATURES[name]
    return {"name": name, "argTypes": list(found.takes), "variadic": found.optional, "returnType": found.gives}
