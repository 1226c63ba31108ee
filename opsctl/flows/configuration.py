"""Checks the settings and every document they point to, each by the loader that its process uses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from opsctl.alerts.config import load_configuration
from opsctl.core.settings import Settings
from opsctl.flows.history import monitored
from opsctl.flows.resilience import Resilience
from opsctl.gameday.scenario import load_scenarios, names_of
from opsctl.model.inventory import Inventory, load_inventory
from opsctl.oncall.roster import load_oncall
from opsctl.resilience.policy import load_policy
from opsctl.rules import load_rules
from opsctl.runbook.library import load_files, runbook_files
from opsctl.scrape.config import load_config

Check = Callable[[Settings], list[str]]


def _systems(settings: Settings) -> dict[str, Inventory]:
    paths = [settings.path(p) for p in settings.systems.values()]
    return {str(path): load_inventory(path, settings.home_path, sys.executable) for path in paths}


def _inventories(settings: Settings) -> list[str]:
    systems = _systems(settings)
    monitored(settings, sys.executable)
    return [*systems, *(str(settings.path(d.figures)) for s in systems.values() for d in s.databases if d.figures)]


def _metrics(settings: Settings) -> list[str]:
    path = settings.path(settings.metrics.config)
    config = load_config(path)
    return [str(path), *(str(rule) for rule in config.rule_paths() if load_rules(rule) is not None)]


def _alerting(settings: Settings) -> list[str]:
    path = settings.path(settings.alerting.config)
    load_configuration(path, {"OPSCTL_HOME": str(settings.home_path)})
    return [str(path)]


def _oncall(settings: Settings) -> list[str]:
    if not settings.documents.oncall:
        return []
    path = settings.path(settings.documents.oncall)
    load_oncall(path)
    return [str(path)]


def _runbooks(settings: Settings) -> list[str]:
    if not settings.documents.runbooks:
        return []
    files = runbook_files(settings.path(settings.documents.runbooks))
    load_files(files)
    return [str(f) for f in files]


def _backup(settings: Settings) -> list[str]:
    if not settings.documents.backup:
        return []
    path = settings.path(settings.documents.backup)
    policy = load_policy(path, settings.home_path)
    systems = {s.system: s for s in _systems(settings).values()}
    resilience = Resilience(policy, systems, settings.home_path)
    for source in policy.sources:
        resilience.checks(source)
    databases = [d for s in systems.values() for d in s.databases if d.checks]
    return [str(path), *(str(settings.path(d.checks)) for d in databases)]


def _gameday(settings: Settings) -> list[str]:
    if not settings.documents.gameday:
        return []
    folder = settings.path(settings.documents.gameday)
    load_scenarios(folder, names_of(_systems(settings).values(), settings.home_path, sys.executable))
    return [str(f) for f in sorted(folder.glob("*.yml"))]


CHECKS: tuple[Check, ...] = (_inventories, _metrics, _alerting, _oncall, _runbooks, _backup, _gameday)


def check_all(settings: Settings) -> list[str]:
    """The files that were loaded without a mistake. Raises DocumentError at the first bad one."""
    return [str(Path(settings.file)), *(name for check in CHECKS for name in check(settings))]
