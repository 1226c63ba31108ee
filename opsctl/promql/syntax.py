"""The syntax tree: frozen nodes, times in milliseconds; `position` is where a node's text begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from opsctl.model.matcher import Matcher

At = Literal["start", "end"] | int | None
Card = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]
ValueType = Literal["vector", "matrix", "scalar", "string"]


@dataclass(frozen=True)
class Number:
    """`duration`: written as one (`5m`); its value is in seconds."""

    value: float
    position: int = field(default=0, compare=False)
    duration: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Text:
    value: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Selector:
    """`name{matchers} offset … @ …`; the name is among the matchers too (`outside`: last, from before the braces)."""

    name: str
    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At = None
    position: int = field(default=0, compare=False)
    outside: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Range:
    """`selector[5m]`"""

    selector: Selector
    range_ms: int

    @property
    def position(self) -> int:
        return self.selector.position


@dataclass(frozen=True)
class Subquery:
    """`expr[30m:1m]`; `step_ms` 0 means the default step."""

    expr: Node
    range_ms: int
    step_ms: int
    offset_ms: int = 0
    at: At = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Call:
    name: str
    args: tuple[Node, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Aggregate:
    """`sum by (a) (expr)`; `param` for topk, quantile, count_values …"""

    op: str
    expr: Node
    param: Node | None
    labels: tuple[str, ...]
    without: bool
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Matching:
    """How two vectors meet: `on` or ignoring `labels`; `card` one-to-one, many-to-one …; labels taken along."""

    card: Card
    on: bool
    labels: tuple[str, ...]
    include: tuple[str, ...]


@dataclass(frozen=True)
class Binary:
    """`operator`: where the operator and its modifiers stand."""

    op: str
    lhs: Node
    rhs: Node
    matching: Matching
    return_bool: bool
    position: int = field(default=0, compare=False)
    operator: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Signed:
    """`-expr` or `+expr`; the sign of a number is the number's own."""

    expr: Node
    op: Literal["-", "+"] = "-"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Paren:
    expr: Node
    position: int = field(default=0, compare=False)


Node = Number | Text | Selector | Range | Subquery | Call | Aggregate | Binary | Signed | Paren

SCALAR_FUNCTIONS = frozenset({"time", "pi", "scalar"})
COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
TRIMS = frozenset({"</", ">/"})
"""They cut native histograms, which we have none of: floats are left out."""
SETS = frozenset({"and", "or", "unless"})


def value_type(node: Node) -> ValueType:
    """What a node evaluates to."""
    while isinstance(node, Paren | Signed):
        node = node.expr
    if isinstance(node, Number) or (isinstance(node, Call) and node.name in SCALAR_FUNCTIONS):
        return "scalar"
    if isinstance(node, Text):
        return "string"
    if isinstance(node, Range | Subquery):
        return "matrix"
    if isinstance(node, Binary):
        return "scalar" if _both_scalar(node) else "vector"
    return "vector"


def _both_scalar(node: Binary) -> bool:
    """Follows a left-deep chain in a loop: a chain may be longer than the interpreter's stack."""
    here: Node = node
    while isinstance(here, Binary):
        if value_type(here.rhs) != "scalar":
            return False
        here = here.lhs
    return value_type(here) == "scalar"


def inner(node: Node) -> Node:
    """The node without the parentheses around it."""
    while isinstance(node, Paren):
        node = node.expr
    return node
