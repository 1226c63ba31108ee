"""A parsed template: frozen nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    line: int


@dataclass(frozen=True, slots=True)
class Nil:
    line: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, number or boolean as written in the template."""

    value: Any
    line: int


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b` of the dot."""

    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`"""

    name: str
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).a.b`"""

    node: Term
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Command:
    args: tuple[Term, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipe:
    """`$a, $b := command | command`"""

    declared: tuple[str, ...]
    assigns: bool
    commands: tuple[Command, ...]
    line: int


Term = Dot | Nil | Constant | Field | Variable | Chain | Function | Pipe


@dataclass(frozen=True, slots=True)
class Action:
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """if, with, range."""

    kind: str
    pipe: Pipe
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Include:
    """`{{ template "name" pipeline }}`"""

    name: str
    pipe: Pipe | None
    line: int


@dataclass(frozen=True, slots=True)
class Jump:
    """break, continue."""

    kind: str


Node = Text | Action | Branch | Include | Jump
