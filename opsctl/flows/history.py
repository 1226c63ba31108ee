"""The databases of the inventories: what to measure in them now, and what would have been measured in the past."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.core.document import load
from opsctl.core.settings import Settings
from opsctl.metrics.fill import fill
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.inventory import Figure, load_inventory
from opsctl.scrape.collectors import Monitored
from opsctl.scrape.config import load_config
from opsctl.scrape.history import Progress, past_figures

_STEP = 60


def monitored(settings: Settings, python: str) -> dict[str, Monitored]:
    """The databases of every inventory with their figures, by name. Raises DocumentError."""
    found: dict[str, Monitored] = {}
    for file in settings.systems.values():
        for database in load_inventory(settings.path(file), settings.home_path, python).databases:
            figures = load(settings.path(database.figures), tuple[Figure, ...]) if database.figures else ()
            found[database.name] = Monitored(database.url, tuple(_figure(f) for f in figures))
    return found


def _figure(figure: Figure) -> Mapping[str, object]:
    return {
        "name": figure.name, "help": figure.help, "sql": figure.sql, "labels": figure.labels,
        "history": figure.history,
    }  # fmt: skip


def fill_history(settings: Settings, python: str, days: int, now: float, on_progress: Progress) -> int:
    """Fills the store with the figures of the past `days`, each minute, as scraping would have left them.

    Returns the samples written. The metrics process must not run: the store has one writer. Raises StateError then,
    DocumentError for a bad document, Unreachable when a database does not answer.
    """
    config = load_config(settings.path(settings.metrics.config))
    databases = monitored(settings, python)
    end = int(now) // _STEP * _STEP
    instants = range(end - days * 86_400, end, _STEP)
    store = EmbeddedStore(settings.home_path / "metrics", settings.metrics.retention_days * 86_400.0)
    try:
        return fill(store, past_figures(config, databases, instants, on_progress))
    finally:
        store.close()
