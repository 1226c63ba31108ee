"""A scenario: what to break, which alert must find it, which figure shows the business. One YAML file each."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from string import Template
from typing import Any, Literal

from opsctl.core.document import Duration, Source, convert, document, nearest, read
from opsctl.core.errors import UsageError
from opsctl.model.inventory import Inventory

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@document
class FaultOf:
    """How it is broken. Which keys count depends on `kind`; see opsctl/gameday/faults.py."""

    kind: Literal["http", "kill_and_steal_port", "database_lock", "fill_folder", "config"]
    url: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    process: str = ""
    supervisor: str = ""
    port: int = 0
    path: str = ""
    config: str = ""
    key: str = ""
    value: Any = None
    up_to_ratio: float = 0.97
    limit_bytes_key: str = ""
    age: Duration = 172_800.0


@document
class FigureOf:
    """The business figure: a PromQL query, when it counts as broken and when as recovered (`< 0.5`)."""

    name: str
    query: str
    broken: str
    recovered: str
    unit: str = ""


@document
class Scenario:
    """One gameday. Limits in seconds from the fault."""

    name: str
    title: str
    alert: str
    fault: FaultOf
    figure: FigureOf
    parameters: dict[str, str] = field(default_factory=dict)
    detect_within: Duration = 90.0
    deliver_within: Duration = 120.0
    recover_within: Duration = 240.0
    resolve_within: Duration = 360.0


def holds(condition: str, value: float | None) -> bool:
    """Whether `value` meets a condition such as `>= 0.8`; no value meets none."""
    sign, _, bound = condition.strip().partition(" ")
    return value is not None and bool(_OPERATORS[sign](value, float(bound)))


def names_of(systems: Iterable[Inventory], home: Path, python: str) -> dict[str, str]:
    """What scenarios may name as `${…}`: the state folder, and the systems' own settings."""
    names = {"home": str(home), "python": python}
    for inventory in systems:
        names |= inventory.settings
    return names


def load_scenarios(folder: Path, names: Mapping[str, str]) -> dict[str, Scenario]:
    """Every scenario in `folder`, `${…}` filled in from `names`. Raises DocumentError."""
    found = [_load(path, names) for path in sorted(folder.glob("*.yml"))]
    return {s.name: s for s in found}


def chosen(scenarios: Mapping[str, Scenario], name: str) -> list[Scenario]:
    """`all`, or the one named. Raises UsageError with the nearest name."""
    if name == "all":
        return list(scenarios.values())
    if name not in scenarios:
        raise UsageError(f"no scenario {name!r}", nearest(name, list(scenarios)))
    return [scenarios[name]]


def _load(path: Path, names: Mapping[str, str]) -> Scenario:
    source = read(path)
    scenario = convert(Source(source.file, _fill(source.data, names), source.node), Scenario)
    for key in ("broken", "recovered"):
        sign, _, bound = getattr(scenario.figure, key).strip().partition(" ")
        if sign not in _OPERATORS or not _number(bound):
            raise source.refuse(("figure", key), "not a condition", "write e.g. '< 0.5'")
    return scenario


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fill(data: Any, names: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        return Template(data).safe_substitute(names)
    if isinstance(data, dict):
        return {k: _fill(v, names) for k, v in data.items()}
    return [_fill(v, names) for v in data] if isinstance(data, list) else data
