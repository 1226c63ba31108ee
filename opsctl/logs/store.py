"""Where log lines are kept: a Protocol of five methods, and the tuple of engines that have it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from opsctl.core.errors import UsageError
from opsctl.core.settings import Settings
from opsctl.logs.query import Query
from opsctl.model.logline import LogLine


@dataclass(frozen=True)
class Page:
    """Lines, newest first, and how many there are in all."""

    lines: tuple[LogLine, ...]
    total: int


@dataclass(frozen=True)
class StoreStats:
    """What a store holds. `days` are UTC, as 2026-11-22; `damaged` days were put aside."""

    documents: int
    bytes: int
    days: tuple[str, ...]
    damaged: int = 0


class LogStore(Protocol):
    """One index a day (UTC). Raises Unreachable when it cannot be asked, and then nothing counts as stored."""

    def append(self, lines: Sequence[LogLine]) -> None:
        """Stores lines for good; a line with an id that is there already replaces it. Searchable when this returns."""

    def search(self, query: Query, since: float, until: float, limit: int) -> Page:
        """Lines with since ≤ at < until, newest first."""

    def delete_before(self, at: float) -> tuple[str, ...]:
        """Deletes every day that ended before `at`; the days that are gone."""

    def stats(self) -> StoreStats: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Engine:
    """A home for logs: its name in opsctl.yml, the module with `open_store(settings)`, the extra that it needs."""

    name: str
    module: str
    extra: str = ""


ENGINES: tuple[Engine, ...] = (
    Engine("tantivy", "opsctl.logs.tantivy_store"),
    Engine("elasticsearch", "opsctl.logs.elastic_store", "elasticsearch"),
)


def open_store(settings: Settings) -> LogStore:
    """The store that `logs.engine` names. Only its own library is imported: the other's may not be installed."""
    engine = next(e for e in ENGINES if e.name == settings.logs.engine)
    try:
        module = importlib.import_module(engine.module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"logs.engine {engine.name} needs {error.name}", f"pip install 'opsctl[{engine.extra}]'"
        ) from error
    store: LogStore = module.open_store(settings)
    return store
