"""A parsed template: frozen nodes, each with its place and able to say how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where a token begins: the line from 1, the bytes of it before the token."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    place: Place


@dataclass(frozen=True, slots=True)
class Nil:
    place: Place


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, number or boolean; `text` is how the template has it."""

    value: Any
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b` of the dot."""

    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`"""

    name: str
    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).a.b`"""

    node: Term
    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Command:
    args: tuple[Term, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Pipe:
    """`$a, $b := command | command`"""

    declared: tuple[str, ...]
    assigns: bool
    commands: tuple[Command, ...]
    place: Place


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


@dataclass(frozen=True, slots=True)
class Include:
    """`{{ template "name" pipeline }}`"""

    name: str
    pipe: Pipe | None
    place: Place


@dataclass(frozen=True, slots=True)
class Jump:
    """break, continue."""

    kind: str


Node = Text | Action | Branch | Include | Jump
