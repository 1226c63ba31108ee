"""Templates of runbooks: Jinja2 in its sandbox, strict, over params, alert and the steps before.

A value that is one `{{ expression }}` keeps the expression's type; a value that needs the output of
a step not yet run stays as it is written and is marked as not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from opsctl.core.errors import UsageError

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_SINGLE = re.compile(r"^\s*\{\{((?:(?!\}\}).)*)\}\}\s*$", re.DOTALL)


class NotYet(Exception):
    """The value is made by a step that has not run."""


@dataclass(frozen=True)
class Scope:
    """What templates see. `outputs`: step → its output, for the steps that ran or were skipped (None)."""

    params: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)

    def names(self) -> dict[str, Any]:
        return {
            "params": dict(self.params),
            "alert": {"labels": dict(self.labels), "annotations": dict(self.annotations)},
            "steps": _Steps(self.outputs),
        }


@dataclass(frozen=True)
class Rendered:
    """A rendered value; where `known` is False it is shown as written, for a step before has to run first."""

    value: Any
    known: bool


class _Steps:
    def __init__(self, outputs: Mapping[str, Mapping[str, Any] | None]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> Any:
        if name not in self._outputs:
            raise NotYet(name)
        found = self._outputs[name]
        return _Skipped() if found is None else {**found, "skipped": False}


class _Skipped:
    """The output of a step that was skipped: nothing, whatever is asked."""

    def __getitem__(self, name: str) -> Any:
        return True if name == "skipped" else None


def render(value: Any, scope: Scope) -> Rendered:
    """Fills in a value of a document, lists and mappings included. Raises UsageError where a name does not exist."""
    if isinstance(value, Mapping):
        parts = {k: render(v, scope) for k, v in value.items()}
        return Rendered({k: p.value for k, p in parts.items()}, all(p.known for p in parts.values()))
    if isinstance(value, list | tuple):
        items = [render(v, scope) for v in value]
        return Rendered([i.value for i in items], all(i.known for i in items))
    if not isinstance(value, str) or "{" not in value:
        return Rendered(value, True)
    try:
        return Rendered(_fill(value, scope.names()), True)
    except NotYet:
        return Rendered(value, False)


def evaluate(expression: str, scope: Scope, **more: Any) -> Any:
    """The value of a bare expression (`when`, `expect`, `until`). Raises NotYet or UsageError."""
    return _expression(expression, {**scope.names(), **more})


def _fill(text: str, names: dict[str, Any]) -> Any:
    single = _SINGLE.match(text)
    if single:
        return _expression(single[1], names)
    try:
        return _ENVIRONMENT.from_string(text).render(names)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise UsageError(f"cannot fill in {text!r}: {error}") from error


def _expression(text: str, names: dict[str, Any]) -> Any:
    try:
        found = _ENVIRONMENT.compile_expression(text, undefined_to_none=False)(names)
        if isinstance(found, StrictUndefined):
            str(found)  # raises the error that names what is missing
        return found
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise UsageError(f"cannot work out {text.strip()!r}: {error}") from error


def check_syntax(text: str, bare: bool = False) -> str:
    """What is wrong with a template's (or bare expression's) syntax; '' when nothing is."""
    try:
        if bare:
            _ENVIRONMENT.compile_expression(text)
        else:
            _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        return error.message or "not a template"
    return ""


def references(text: str, bare: bool = False) -> Iterator[tuple[str, ...]]:
    """The dotted names that a template uses, longest first: `steps.find.pid` → ('steps', 'find', 'pid')."""
    tree = _ENVIRONMENT.parse("{{ " + text + " }}" if bare else text)
    inner: set[int] = set()
    for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Name)):
        if id(node) in inner:
            continue
        path = _path(node, inner)
        if path:
            yield path


def _path(node: nodes.Node, inner: set[int]) -> tuple[str, ...]:
    path: list[str] = []
    current: nodes.Node = node
    while True:
        if isinstance(current, nodes.Name):
            return (current.name, *reversed(path))
        if isinstance(current, nodes.Getattr):
            path.append(current.attr)
        elif isinstance(current, nodes.Getitem) and isinstance(current.arg, nodes.Const):
            path.append(str(current.arg.value))
        else:
            return ()
        current = current.node
        inner.add(id(current))
