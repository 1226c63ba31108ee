"""Business checks: what a restored database must show before anybody believes in it. Data, not code."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from backup import sqlite
from backup.errors import WrongUse
from backup.source import OBJECTS

Number = int | float


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check; exactly one of `sql` (a number, held against equals/at_least/at_most), `newest` (the epoch
    seconds of the newest row; its age is the RPO, at most `within_seconds`) and `objects` (keys that must lie
    in the object folder). `:now` is the instant of the drill, `:taken` that of the snapshot."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    name: str
    sql: str = ""
    newest: str = ""
    objects: str = ""
    equals: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    within_seconds: Number | None = None


@dataclass(frozen=True, kw_only=True)
class Checks:
    """A checks file."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a check found. `value` is the number it measured (for `newest`: the age in seconds)."""

    name: str
    ok: bool
    kind: str
    value: float | None
    message: str


@dataclass(frozen=True)
class Instant:
    """When the drill began, and the instant that its snapshot shows."""

    now: float
    taken: float


def load_checks(path: Path) -> tuple[Check, ...]:
    """Reads a checks file. Raises WrongUse naming what is wrong in it."""
    try:
        found = TypeAdapter(Checks).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise WrongUse(f"{path}: {error}") from error
    return checked(found)


def checked(file: Checks) -> tuple[Check, ...]:
    """The checks, or WrongUse for one that has not exactly one question, or no answer to hold it against."""
    for check in file.checks:
        if sum(map(bool, (check.sql, check.newest, check.objects))) != 1:
            raise WrongUse(f"check {check.name!r} needs exactly one of sql, newest, objects")
        if check.sql and check.equals is None and check.at_least is None and check.at_most is None:
            raise WrongUse(f"check {check.name!r} needs equals, at_least or at_most")
    return file.checks


def run_checks(checks: Sequence[Check], folder: Path, database: str, at: Instant) -> tuple[Outcome, ...]:
    """Runs every check against a restored folder; one that cannot run has failed."""
    if not database:
        return tuple(Outcome(c.name, False, "sql", None, "the snapshot has no database") for c in checks)
    with sqlite.reading(folder / database) as connection:
        return tuple(_run(check, connection, folder, at) for check in checks)


def _run(check: Check, connection: sqlite3.Connection, folder: Path, at: Instant) -> Outcome:
    try:
        if check.newest:
            return _newest(check, connection, at)
        if check.objects:
            return _objects(check, connection, folder, at)
        return _number(check, connection, at)
    except (sqlite3.Error, TypeError, ValueError) as error:
        return Outcome(check.name, False, _kind(check), None, f"could not run: {error}")


def _number(check: Check, connection: sqlite3.Connection, at: Instant) -> Outcome:
    row = connection.execute(check.sql, {"now": at.now, "taken": at.taken}).fetchone()
    value = float(row[0]) if row and row[0] is not None else None
    if value is None:
        return Outcome(check.name, False, "sql", None, "gave no number")
    wanted = (("= ", check.equals, value == check.equals), ("≥ ", check.at_least, value >= (check.at_least or 0)),
              ("≤ ", check.at_most, value <= (check.at_most or 0)))  # fmt: skip
    wrong = [f"{sign}{limit}" for sign, limit, ok in wanted if limit is not None and not ok]
    text = f"{value:g}" + (f", wanted {' and '.join(wrong)}" if wrong else "")
    return Outcome(check.name, not wrong, "sql", value, text)


def _newest(check: Check, connection: sqlite3.Connection, at: Instant) -> Outcome:
    row = connection.execute(check.newest, {"now": at.now, "taken": at.taken}).fetchone()
    if not row or row[0] is None:
        return Outcome(check.name, False, "newest", None, "there is no row")
    age = max(0.0, at.now - float(row[0]))
    late = check.within_seconds is not None and age > check.within_seconds
    return Outcome(
        check.name,
        not late,
        "newest",
        age,
        f"{age:.0f} s old" + (f", wanted ≤ {check.within_seconds} s" if late else ""),
    )


def _objects(check: Check, connection: sqlite3.Connection, folder: Path, at: Instant) -> Outcome:
    rows = connection.execute(check.objects, {"now": at.now, "taken": at.taken})
    keys = [str(r[0]) for r in rows if r[0] is not None]
    top = folder / OBJECTS
    missing = [k for k in keys if not (top / k).is_file()]
    text = f"{len(keys)} named, {len(missing)} missing" + (f" (first: {missing[0]})" if missing else "")
    return Outcome(check.name, not missing, "objects", float(len(missing)), text)


def _kind(check: Check) -> str:
    return "newest" if check.newest else "objects" if check.objects else "sql"
