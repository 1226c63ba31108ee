"""The inventory: all that the shell knows of a business. One file a system, e.g. deploy/local/booking.yml."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from string import Template
from typing import Any

from opsctl.core.document import Source, convert, document, read


@document
class Process:
    """A process that supervisor keeps. `health`, `metrics`: URLs; `logs`: an ECS JSON file."""

    name: str
    command: tuple[str, ...]
    group: str = ""
    health: str = ""
    metrics: str = ""
    logs: str = ""
    listen: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    startsecs: int = 5
    startretries: int = 3
    stopwaitsecs: int = 15


@document
class Figure:
    """A business figure: `sql` gives one number, or label columns and a last column `value`, for the instant :now (epoch seconds)."""

    name: str
    help: str
    sql: str
    labels: tuple[str, ...] = ()
    history: bool = True


@document
class DatabaseOf:
    """A database account of the system, its object folder, its figures and checks."""

    name: str
    url: str
    objects: str = ""
    figures: str = ""
    checks: str = ""
    history_days: int = 60


@document
class ConfigOf:
    """A versioned configuration folder: versions/NNNN.yml and the file `current` that names one."""

    name: str
    folder: str


@document
class Inventory:
    """A system as the shell sees it. `tasks`: named commands that runbooks may run."""

    system: str
    title: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    setup: tuple[tuple[str, ...], ...] = ()
    processes: tuple[Process, ...] = ()
    databases: tuple[DatabaseOf, ...] = ()
    configs: tuple[ConfigOf, ...] = ()
    tasks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    router: dict[str, str] = field(default_factory=dict)
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def database(self, name: str) -> DatabaseOf | None:
        return next((d for d in self.databases if d.name == name), None)

    def config(self, name: str) -> ConfigOf | None:
        return next((c for c in self.configs if c.name == name), None)

    def process(self, name: str) -> Process | None:
        return next((p for p in self.processes if p.name == name), None)


def load_inventory(path: Path, home: Path, python: str) -> Inventory:
    """Reads an inventory; `${home}`, `${here}` (its folder) and `${python}` are filled in, as are its own `settings`."""
    source = read(path)
    names = {"home": str(home), "here": str(path.parent), "python": python}
    own = source.data.get("settings", {}) if isinstance(source.data, dict) else {}
    if isinstance(own, dict):
        names |= {k: str(v) for k, v in _fill(own, names).items()}
    filled = Source(source.file, _fill(source.data, names), source.node)
    found = convert(filled, Inventory)
    _check_after(filled, found)
    return found


def _fill(data: Any, names: dict[str, str]) -> Any:
    if isinstance(data, str):
        return Template(data).safe_substitute(names)
    if isinstance(data, dict):
        return {k: _fill(v, names) for k, v in data.items()}
    if isinstance(data, list):
        return [_fill(v, names) for v in data]
    return data


def _check_after(source: Source, inventory: Inventory) -> None:
    names = [p.name for p in inventory.processes]
    for index, process in enumerate(inventory.processes):
        for wanted in process.after:
            if wanted not in names:
                raise source.refuse(
                    ("processes", index, "after"), f"no process {wanted!r}", f"one of: {', '.join(names)}"
                )
