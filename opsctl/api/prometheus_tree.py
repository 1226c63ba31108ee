"""parse_query: an expression's syntax tree as Prometheus' JSON. Source: prometheus web/api/v1/translate_ast.go."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import promql_parser as rust

from opsctl.api.prometheus_names import outer_name, says_name
from opsctl.model.labels import METRIC_NAME
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError
from opsctl.promql.number import format_float, printable
from opsctl.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Negate,
    Node,
    Number,
    Paren,
    Range,
    Selector,
    Subquery,
    Text,
    ValueType,
    value_type,
)  # fmt: skip

_DEEPEST = 100
_SAMPLES: dict[ValueType, str] = {"vector": "x", "matrix": "x[1m]", "scalar": "1", "string": '"s"'}


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
            return {"type": "matrixSelector", "range": node.range_ms, **_selected(node.selector, text)}
        case Paren():
            return {"type": "parenExpr", "expr": tree(node.expr, text, depth + 1)}
        case Negate():
            return {"type": "unaryExpr", "op": "-", "expr": tree(node.expr, text, depth + 1)}
        case Call():
            args = [tree(arg, text, depth + 1) for arg in node.args]
            return {
                "type": "call",
                "func": _signature(node.name, tuple(value_type(a) for a in node.args)),
                "args": args,
            }
        case Aggregate():
            return _aggregate(node, text, depth)
        case Binary():
            return _binary(node, text, depth)
        case Subquery():
            return {
                "type": "subquery", "expr": tree(node.expr, text, depth + 1), "range": node.range_ms, "step": node.step_ms,
                "offset": node.offset_ms, **_moment(node),
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
        "include": list(node.matching.include),
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
    return {**shown, **_moment(node)}


def _matcher(matcher: Matcher) -> dict[str, str]:
    return {"name": printable(matcher.name), "value": printable(matcher.value), "type": matcher.op}


def _moment(node: Selector | Subquery) -> dict[str, Any]:
    border = isinstance(node.at, str)
    return {"timestamp": None if border else node.at, "startOrEnd": node.at if border else None}


@lru_cache(maxsize=256)
def _signature(name: str, given: tuple[ValueType, ...]) -> dict[str, Any]:
    """What the parser's own table says of a function, asked with arguments of the types that it was given."""
    arguments = ", ".join(_SAMPLES[kind] for kind in given)
    call: Any = rust.parse(f"{name}({arguments})")
    found = call.func
    return {
        "name": name, "argTypes": [_kind(each) for each in found.arg_types],
        "variadic": found.variadic, "returnType": _kind(found.return_type),
    }  # fmt: skip


def _kind(kind: Any) -> str:
    return str(kind).rsplit(".", 1)[-1].lower()
