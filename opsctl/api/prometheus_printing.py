"""format_query: an expression as Prometheus' printer lays it out.

Source: prometheus promql/parser/printer.go and prettier.go: what is over 100 long on one line is split, two spaces a
level.
"""

from __future__ import annotations

import re
from functools import lru_cache

from opsctl.api.prometheus_names import outer_name, says_name
from opsctl.model.duration import format_duration
from opsctl.model.labels import quote
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError, parse
from opsctl.promql.number import format_float
from opsctl.promql.syntax import (
    Aggregate,
    At,
    Binary,
    Call,
    Matching,
    Node,
    Number,
    Paren,
    Range,
    Selector,
    Signed,
    Subquery,
    Text,
)  # fmt: skip

_WIDEST = 100
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def pretty(node: Node, text: str) -> str:
    """The expression, parsed from `text`, over as many lines as it needs. Raises PromqlError when it is nested too
    deeply."""
    try:
        return _Printer(text).pretty(node, 0)
    except RecursionError:
        raise PromqlError("the expression is nested too deeply") from None


@lru_cache(maxsize=4096)
def on_one_line(text: str) -> str:
    """An expression as Prometheus shows it where it quotes one, such as a rule's; what is none stays as it is."""
    try:
        return _Printer(text).line(parse(text))
    except (PromqlError, RecursionError):
        return text


class _Printer:
    """Remembers the one-line text of each node: every level above asks for it again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: dict[int, str] = {}

    def line(self, node: Node) -> str:
        made = self._lines.get(id(node))
        if made is None:
            made = self._lines[id(node)] = self._line(node)
        return made

    def _line(self, node: Node) -> str:
        match node:
            case Aggregate():
                given = f"{self.line(node.param)}, " if node.param is not None else ""
                return f"{_operator(node)}({given}{self.line(node.expr)})"
            case Binary():
                return f"{self.line(node.lhs)} {node.op}{_how(node)} {self.line(node.rhs)}"
            case Call():
                return f"{node.name}({', '.join(self.line(arg) for arg in node.args)})"
            case Signed():
                return f"{node.op}{self.line(node.expr)}"
            case Paren():
                return f"({self.line(node.expr)})"
            case Subquery():
                return f"{self.line(node.expr)}{_subquery_suffix(node)}"
            case _:
                return _leaf(node, self._text)

    def pretty(self, node: Node, level: int) -> str:
        pad = "  " * level
        if isinstance(node, Signed):
            return f"{pad}{node.op}{self.pretty(node.expr, level).strip()}"
        line = self.line(node)
        if len(line.encode("utf-8", "replace")) <= _WIDEST:
            return line if isinstance(node, Subquery) else pad + line  # a subquery is not moved in
        match node:
            case Aggregate():
                parts = [node.expr] if node.param is None else [node.param, node.expr]
                return f"{pad}{_operator(node)}({self._inside(parts, level)})"
            case Call() if node.args:
                return f"{pad}{node.name}({self._inside(node.args, level)})"
            case Paren():
                return f"{pad}({self._inside([node.expr], level)})"
            case Binary():
                lhs, rhs = self.pretty(node.lhs, level + 1), self.pretty(node.rhs, level + 1)
                return f"{lhs}\n{pad}{node.op}{_how(node)}\n{rhs}"
            case Subquery():
                return f"{self.pretty(node.expr, level)}{_subquery_suffix(node)}"
            case _:
                return pad + line

    def _inside(self, nodes: list[Node] | tuple[Node, ...], level: int) -> str:
        """The nodes one level in, between the brackets' lines."""
        inner = ",\n".join(self.pretty(each, level + 1) for each in nodes)
        return f"\n{inner}\n{'  ' * level}"


def _leaf(node: Node, text: str) -> str:
    match node:
        case Number():
            return _number(node)
        case Text():
            return quote(node.value)
        case Range():
            inner = node.selector
            return f"{_braced(inner, text)}[{_span(node.range_ms)}]{_shift(inner.at, inner.offset_ms)}"
        case Selector():
            return f"{_braced(node, text)}{_shift(node.at, node.offset_ms)}"
        case _:
            raise AssertionError(f"{type(node).__name__} is no leaf")


def _number(node: Number) -> str:
    if not node.duration:
        return format_float(node.value)
    return ("-" if node.value < 0 else "") + format_duration(abs(node.value))


def _braced(selector: Selector, text: str) -> str:
    """`name{matchers}`, the matchers sorted; a name within the braces stays there, as a matcher."""
    name = outer_name(selector, text)
    inner = sorted(_matcher(m) for m in selector.matchers if not (name and says_name(m, name)))
    return f"{name}{{{','.join(inner)}}}" if inner or not name else name


def _matcher(matcher: Matcher) -> str:
    return f"{_label(matcher.name)}{matcher.op}{quote(matcher.value)}"


def _label(name: str) -> str:
    return name if _LABEL.fullmatch(name) else quote(name)


def _labels(names: tuple[str, ...]) -> str:
    return f"({', '.join(_label(name) for name in names)})"


def _operator(node: Aggregate) -> str:
    if node.without:
        return f"{node.op} without {_labels(node.labels)} "
    return f"{node.op} by {_labels(node.labels)} " if node.labels else node.op


def _how(node: Binary) -> str:
    return (" bool" if node.return_bool else "") + _matching(node.matching)


def _matching(matching: Matching) -> str:
    grouped = matching.card in ("many-to-one", "one-to-many")
    if not matching.labels and not matching.on and not grouped:
        return ""
    text = f" {'on' if matching.on else 'ignoring'} {_labels(matching.labels)}"
    if grouped:
        text += f" group_{'left' if matching.card == 'many-to-one' else 'right'} {_labels(matching.include)}"
    return text


def _subquery_suffix(node: Subquery) -> str:
    step = _span(node.step_ms) if node.step_ms else ""
    return f"[{_span(node.range_ms)}:{step}]{_shift(node.at, node.offset_ms)}"


def _shift(at: At, offset_ms: int) -> str:
    moment = "" if at is None else f" @ {at}()" if isinstance(at, str) else f" @ {at / 1000:.3f}"
    sign = "-" if offset_ms < 0 else ""
    return moment + (f" offset {sign}{_span(abs(offset_ms))}" if offset_ms else "")


def _span(ms: int) -> str:
    return format_duration(ms / 1000)
