"""Checks alertmanager.yml as far as that goes without sending: the file, its template files, and every template in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.alerts.config import Configuration, load_configuration
from opsctl.alerts.matcher_text import Mode
from opsctl.core.document import Path_, Source, parse
from opsctl.core.errors import DocumentError, Problem
from opsctl.gotemplate import TemplateError


@dataclass(frozen=True)
class Checked:
    """What a good file has."""

    inhibit_rules: int
    receivers: int
    routes: int
    intervals: int
    templates: int


def check_configuration(
    path: Path, mode: Mode = "fallback", environment: Mapping[str, str] | None = None
) -> Checked:  # fmt: skip
    """Loads a file and parses the templates of its receivers. Raises DocumentError naming each mistake.

    Loading alone leaves a receiver's own texts for the time of sending, as Alertmanager does.
    """
    made = load_configuration(path, environment, mode)
    source = parse(made.text, str(path))
    problems = list(_problems(source, made))
    if problems:
        raise DocumentError(problems)
    return Checked(
        inhibit_rules=len(made.inhibit_rules), receivers=len(made.receivers), intervals=len(made.intervals),
        routes=sum(1 for _ in made.route.walk()), templates=len(source.data.get("templates") or ()),
    )  # fmt: skip


def _problems(source: Source, made: Configuration) -> Iterator[Problem]:
    for where, text in _texts(source.data.get("receivers"), ("receivers",)):
        try:
            made.templates.check(text)
        except TemplateError as error:
            yield source.problem(where, error.message, error.hint)


def _texts(data: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    """Every text with an action in it, and where it stands."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*path, key))
    elif isinstance(data, list):
        for n, value in enumerate(data):
            yield from _texts(value, (*path, n))
    elif isinstance(data, str) and "{{" in data:
        yield path, data
