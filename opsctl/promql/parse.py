"""Expression text → syntax tree: bounded in length and depth, then grammar, then types."""

from __future__ import annotations

from functools import lru_cache

from opsctl.promql.checked import check
from opsctl.promql.errors import PromqlParseError
from opsctl.promql.grammar import Grammar
from opsctl.promql.lexer import tokens
from opsctl.promql.syntax import Node

_LONGEST = 200_000
_MOST_TOKENS = 20_000
_MOST_OPERATORS = 1_000


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The syntax tree of an expression. Raises PromqlParseError on anything else."""
    if len(text) > _LONGEST:
        raise PromqlParseError(f"the expression is longer than {_LONGEST} characters", text, 0)
    found = tokens(text)
    if len(found) > _MOST_TOKENS or sum(token.kind == "operator" for token in found) > _MOST_OPERATORS:
        raise PromqlParseError("the expression has too many parts", text, 0)
    try:
        tree = Grammar(text, found).whole()
        check(tree, text)
    except RecursionError:
        raise PromqlParseError("the expression is nested too deeply", text, 0) from None
    return tree
