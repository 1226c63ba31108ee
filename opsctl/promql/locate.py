"""Where in the text an error or a part of the tree stands: the parser library does not say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from opsctl.promql.errors import line_and_column
from opsctl.promql.lexer import Token, tokens

_OPERATORS = {"+", "-", "*", "/", "%", "^", "==", "!=", "<=", ">=", "<", ">"}
_WORD_OPERATORS = {"and", "or", "unless", "atan2"}
_VAGUE = "invalid promql query"


class Places:
    """Hands out the positions of names in the order of the text, which is the order of a walk through the tree."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._words: dict[str, list[int]] = defaultdict(list)
        for token in found:
            if token.kind == "identifier":
                self._words[token.text.lower()].append(token.position)
            elif token.text == "{" or token.kind == "string":
                self._words[token.text].append(token.position)

    def word(self, name: str) -> int:
        """The next place where a function or aggregation of this name stands."""
        places = self._words.get(name.lower())
        return (places.pop(0) if len(places) > 1 else places[0]) if places else 0

    def selector(self, name: str) -> int:
        return self.word(name) if name else self.word("{")

    def find(self, prefix: str) -> int:
        """The first place of a word that begins so."""
        return min((p[0] for w, p in self._words.items() if w.startswith(prefix)), default=0)


@lru_cache(maxsize=1024)
def place_of_argument(text: str, position: int, index: int) -> str:
    """`line:column` of an argument of the call whose name stands at `position`."""
    depth, left = 0, index
    opened = False
    for token in tokens(text):
        if token.position <= position:
            continue
        if opened and depth == 1 and left == 0:
            return "{}:{}".format(*line_and_column(text, token.position))
        if token.text in ("(", "{", "["):
            opened, depth = True, depth + 1
        elif token.text in (")", "}", "]"):
            depth -= 1
        elif token.text == "," and depth == 1:
            left -= 1
    return ""


def locate(text: str, found: Sequence[Token], message: str) -> tuple[str, int]:
    """Prometheus' sentence for the library's error, and the position it speaks of."""
    if message == _VAGUE:
        return _unexpected(text, found)
    renamed = message.replace("'", '"')
    named = re.search(r'"([^"]+)"', renamed)
    if named:
        for token in found:
            if named.group(1).lower() in (token.text.lower(), token.value):
                return renamed, token.position
    return renamed, 0


def _unexpected(text: str, found: Sequence[Token]) -> tuple[str, int]:
    """The first token that cannot stand where it stands, found by who wants an operand and who an operator."""
    operand = False
    for before, token in zip([None, *found], found, strict=False):
        if token.kind in ("number", "string", "duration") and operand and not _after_word(before):
            return f"unexpected {token.kind} {token.text!r}".replace("'", '"', 2), token.position
        if token.kind == "identifier" and token.text.lower() not in _WORD_OPERATORS and operand and _plain(before):
            return f'unexpected identifier "{token.text}"', token.position
        is_operator = token.text in _OPERATORS or (token.kind == "identifier" and token.text.lower() in _WORD_OPERATORS)
        if is_operator and not operand and token.text not in ("+", "-"):
            return f"unexpected <op:{token.text}>", token.position
        operand = not is_operator and token.text not in ("(", ",", "{", "[", "@", ":", "=", "=~", "!~")
    if not operand:
        return "unexpected end of input", len(text)
    return "syntax error", found[-1].position


def _after_word(before: Token | None) -> bool:
    return before is not None and before.kind == "identifier"


def _plain(before: Token | None) -> bool:
    return before is not None and (before.kind in ("number", "duration", "string") or before.kind == "identifier")
