"""A matcher: one condition on one label, as PromQL selectors and Alertmanager routes have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import re2

Op = Literal["=", "!=", "=~", "!~"]


class BadPattern(ValueError):
    """`pattern` is no regular expression."""

    def __init__(self, pattern: str, error: Exception) -> None:
        super().__init__(f"bad regular expression {pattern!r}: {error}")
        self.pattern = pattern


class _Pattern(Protocol):
    def fullmatch(self, text: str) -> object | None: ...


@dataclass(frozen=True)
class Matcher:
    """name OP value. A missing label is the empty string; regular expressions are RE2, anchored.

    Raises ValueError on a bad regular expression.
    """

    name: str
    op: Op
    value: str
    _pattern: _Pattern | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.op in ("=~", "!~"):
            options = re2.Options()
            options.log_errors = False
            options.dot_nl = True
            try:
                object.__setattr__(self, "_pattern", re2.compile(self.value, options))
            except re2.error as error:
                raise BadPattern(self.value, error) from error

    def matches(self, value: str) -> bool:
        """Whether a label's value ('' when missing) meets the condition."""
        if self._pattern is not None:
            return (self._pattern.fullmatch(value) is not None) == (self.op == "=~")
        return (value == self.value) == (self.op == "=")

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.op}"{value}"'


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether a label set meets every condition."""
    return all(m.matches(labels.get(m.name, "")) for m in matchers)
