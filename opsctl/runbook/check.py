"""What can be wrong in a runbook without running it: actions, inputs, templates, references to steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from opsctl.core.document import Source, nearest
from opsctl.core.errors import DocumentError, Problem
from opsctl.runbook.actions import BY_NAME
from opsctl.runbook.book import Runbook, Step
from opsctl.runbook.template import check_syntax, references

Place = tuple[int | str, ...]


def check_runbook(source: Source, book: Runbook) -> None:
    """Raises DocumentError that names every mistake with its line."""
    found = [
        *(p for index, step in enumerate(book.steps) for p in _step(source, book, index, step)),
        *_parameters(source, book),
    ]
    if found:
        raise DocumentError(found)


def _parameters(source: Source, book: Runbook) -> Iterator[Problem]:
    for name, parameter in book.parameters.items():
        if parameter.default is not None and not fits(parameter.type, parameter.default):
            yield source.problem(("parameters", name, "default"), f"is not {parameter.type}")


def _step(source: Source, book: Runbook, index: int, step: Step) -> Iterator[Problem]:
    at: Place = ("steps", index)
    before = [s for s in book.steps[:index] if s.kind != "manual"]
    if step.id in [s.id for s in book.steps[:index]]:
        yield source.problem((*at, "id"), f"two steps are called {step.id!r}")
    if step.kind == "manual":
        yield from _manual(source, at, step)
    else:
        yield from _action(source, at, step.action, step.with_)
        yield from _kind(source, at, step)
    yield from _templates(source, (*at, "with"), step.with_, book, before)
    yield from _bare(source, (*at, "when"), step.when, book, before)
    for key, text in (("expect", step.expect), ("until", step.until)):
        yield from _bare(source, (*at, key), text, book, before, ("output",))
    itself = before if step.kind == "manual" else [*before, step]
    if step.verify is not None:
        yield from _action(source, (*at, "verify"), step.verify.action, step.verify.with_, reads=True)
        yield from _templates(source, (*at, "verify", "with"), step.verify.with_, book, before)
        yield from _bare(source, (*at, "verify", "done"), step.verify.done, book, before, ("output",))
    if step.undo is not None:
        yield from _action(source, (*at, "undo"), step.undo.action, step.undo.with_)
        yield from _templates(source, (*at, "undo", "with"), step.undo.with_, book, itself)


def _manual(source: Source, at: Place, step: Step) -> Iterator[Problem]:
    if step.text is None:
        yield source.problem(at, "a manual step needs `text`: what the person is to do")
    for key in ("action", "expect", "until"):
        if getattr(step, key):
            yield source.problem((*at, key), "a manual step has none")


def _kind(source: Source, at: Place, step: Step) -> Iterator[Problem]:
    action = BY_NAME.get(step.action)
    if step.kind == "wait" and not step.until:
        yield source.problem(at, "a wait needs `until`")
    if step.kind != "wait" and step.until:
        yield source.problem((*at, "until"), "only a wait has it")
    if action is not None and action.changes and step.kind != "action":
        yield source.problem((*at, "kind"), f"{step.action} changes things: its kind is action")
    if step.dangerous and step.kind != "action":
        yield source.problem((*at, "dangerous"), "only an action can be dangerous")


def _action(source: Source, at: Place, name: str, given: dict[str, Any], reads: bool = False) -> Iterator[Problem]:
    action = BY_NAME.get(name)
    if action is None:
        yield source.problem((*at, "action"), f"no action {name!r}", nearest(name, list(BY_NAME)))
        return
    if reads and action.changes:
        yield source.problem((*at, "action"), f"{name} changes things; a check only reads")
    fields = {f.name: f for f in dataclasses.fields(action.inputs)}
    hints = get_type_hints(action.inputs, include_extras=True)
    for key, value in given.items():
        if key not in fields:
            yield source.problem((*at, "with", key), f"{name} has no input {key!r}", nearest(key, list(fields)))
        elif not _has_template(value):
            yield from _literal(source, (*at, "with", key), hints[key], value)
    for key, field in fields.items():
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and key not in given:
            yield source.problem((*at, "with"), f"{name} needs {key!r}")


def _literal(source: Source, at: Place, hint: Any, value: Any) -> Iterator[Problem]:
    try:
        TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        yield source.problem(at, error.errors()[0]["msg"])


def _has_template(value: Any) -> bool:
    return any("{" in text for _, text in _texts((), value))


def _texts(at: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts((*at, str(key)), each)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _texts((*at, index), each)


def _templates(source: Source, at: Place, value: Any, book: Runbook, steps: Sequence[Step]) -> Iterator[Problem]:
    for place, text in _texts(at, value):
        wrong = check_syntax(text)
        if wrong:
            yield source.problem(place, f"not a template: {wrong}")
            continue
        for path in references(text):
            yield from _reference(source, place, path, book, steps, ())


def _bare(
    source: Source, at: Place, text: str, book: Runbook, steps: Sequence[Step], more: tuple[str, ...] = ()
) -> Iterator[Problem]:
    if not text:
        return
    wrong = check_syntax(text, bare=True)
    if wrong:
        yield source.problem(at, f"not an expression: {wrong}")
        return
    for path in references(text, bare=True):
        yield from _reference(source, at, path, book, steps, more)


def _reference(
    source: Source, at: Place, path: tuple[str, ...], book: Runbook, steps: Sequence[Step], more: tuple[str, ...]
) -> Iterator[Problem]:
    head, *rest = path
    known = ("params", "alert", "steps", *more)
    if head not in known:
        yield source.problem(at, f"unknown name {head!r}", nearest(head, known))
    elif head == "params" and rest and rest[0] not in book.parameters:
        yield source.problem(at, f"no parameter {rest[0]!r}", nearest(rest[0], list(book.parameters)))
    elif head == "steps" and rest:
        yield from _step_reference(source, at, rest, book, steps)


def _step_reference(
    source: Source, at: Place, rest: list[str], book: Runbook, steps: Sequence[Step]
) -> Iterator[Problem]:
    ids = {s.id: s for s in steps}
    if rest[0] not in ids:
        later = rest[0] in [s.id for s in book.steps]
        message = f"step {rest[0]!r} has no output here" if later else f"no step {rest[0]!r}"
        hint = "only the steps before can be used" if later else nearest(rest[0], list(ids))
        yield source.problem(at, message, hint)
        return
    action = BY_NAME.get(ids[rest[0]].action)
    if action is None or len(rest) < 2:
        return
    fields = (*action.outputs, "skipped")
    if rest[1] not in fields:
        yield source.problem(at, f"{action.name} has no output {rest[1]!r}", nearest(rest[1], fields))


def fits(kind: str, value: Any) -> bool:
    """Whether a value is of a parameter's type."""
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)
