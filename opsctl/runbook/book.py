"""A runbook as it is written: parameters, steps, what undoes them. One YAML file each."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field

from opsctl.core.document import Duration, document

Kind = Literal["check", "action", "wait", "manual"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
With = Annotated[dict[str, Any], Field(alias="with", default_factory=dict)]


@document
class Text:
    """A text for people, in Chinese and in English."""

    zh: str
    en: str


@document
class Parameter:
    """A value the runbook needs: given, else taken from the alert's label `label`, else `default`."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    default: Any = None
    label: str = ""
    choices: tuple[str, ...] = ()
    description: Text | None = None


@document
class Figure:
    """A PromQL expression that shows how the business does, charted in the incident's report."""

    title: Text
    query: str
    unit: str = ""


@document
class Verify:
    """A check for a step whose outcome a crash left unknown: `done` is an expression over its `output`."""

    action: str
    with_: With
    done: str


@document
class Undo:
    """The action that takes a step back, e.g. the configuration value before it."""

    action: str
    with_: With
    dangerous: bool = False


@document
class Step:
    """One step. `expect` (a check must meet it) and `until` (a wait repeats till it holds) are expressions over `output`.

    `when` is an expression over params, alert and steps: where it is false the step is skipped.
    """

    id: StepId
    title: Text
    kind: Kind = "check"
    action: str = ""
    with_: With
    when: str = ""
    expect: str = ""
    until: str = ""
    every: Duration = 2.0
    timeout: Duration = 30.0
    dangerous: bool = False
    otherwise: Text | None = None
    text: Text | None = None
    verify: Verify | None = None
    undo: Undo | None = None


@document
class Runbook:
    """A runbook: called by the alerts it names, or by hand."""

    name: Name
    title: Text
    description: Text
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    alerts: tuple[str, ...] = ()
    parameters: dict[StepId, Parameter] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()

    def step(self, name: str) -> Step:
        return next(s for s in self.steps if s.id == name)
