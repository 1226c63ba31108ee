"""What `opsctl up` runs: our own processes, then those of each system, in the order they need each other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from opsctl.core.errors import UsageError
from opsctl.core.settings import Settings, host_port
from opsctl.model.inventory import Inventory, Process

GROUP = "opsctl"


def own_processes(settings: Settings, python: str, dashboards: Path | None) -> tuple[Process, ...]:
    """Our own processes, alerting first; a missing dashboard is left out."""
    found = (_alerting(settings, python), _metrics(settings, python), _ops(settings, python))
    return found if dashboards is None else (*found, _dashboards(settings, python, dashboards))


def _own(settings: Settings, name: str, command: tuple[str, ...], address: str, health: str) -> Process:
    return Process(
        name=name,
        group=GROUP,
        command=command,
        health=f"http://{address}{health}",
        metrics=f"http://{address}/metrics",
        logs=str(settings.home_path / "logs" / f"{name}.json.log"),
        listen=(address,),
        startsecs=2,
        stopwaitsecs=20,
    )


def _alerting(settings: Settings, python: str) -> Process:
    address = settings.listen.alerting
    command = (
        python, "-m", "opsctl", "alertmanager",
        f"--config.file={settings.path(settings.alerting.config)}",
        f"--storage.path={settings.home_path / 'alerting'}",
        f"--web.listen-address={address}",
        f"--web.external-url={settings.external_url}",
    )  # fmt: skip
    oncall = (f"--oncall.file={settings.path(settings.documents.oncall)}",) if settings.documents.oncall else ()
    return _own(settings, "alerting", (*command, *oncall), address, "/-/ready")


def _metrics(settings: Settings, python: str) -> Process:
    address = settings.listen.metrics
    command = (
        python, "-m", "opsctl", "prometheus",
        f"--config.file={settings.path(settings.metrics.config)}",
        f"--storage.tsdb.path={settings.home_path / 'metrics'}",
        f"--storage.tsdb.retention.time={settings.metrics.retention_days}d",
        f"--web.listen-address={address}", "--web.enable-lifecycle", "--web.enable-remote-write-receiver",
    )  # fmt: skip
    return _own(settings, "metrics", command, address, "/-/ready")


def _ops(settings: Settings, python: str) -> Process:
    return _own(settings, "ops", (python, "-m", "opsctl", "ops"), settings.listen.ops, "/-/ready")


def _dashboards(settings: Settings, python: str, script: Path) -> Process:
    address = settings.listen.dashboards
    host, port = host_port(address)
    command = (
        python, "-m", "streamlit", "run", str(script), "--server.address", host, "--server.port", str(port),
        "--server.headless", "true", "--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none",
    )  # fmt: skip
    process = _own(settings, "dashboards", command, address, "/_stcore/health")
    environment = {
        "OPSCTL_URL": settings.ops_url,
        "OPSCTL_TOKEN_FILE": str(settings.home_path / "tokens" / "viewer"),
    }
    return replace(process, metrics="", logs="", environment=environment, after=("ops",))


def _of(inventory: Inventory, process: Process) -> Process:
    environment = {**inventory.environment, **process.environment}
    return replace(process, group=process.group or inventory.system, environment=environment)


def order(processes: Iterable[Process]) -> tuple[Process, ...]:
    """The processes so that each stands after those it names in `after`. Raises UsageError on a circle."""
    by_name: Mapping[str, Process] = {p.name: p for p in processes}
    sorter = TopologicalSorter({p.name: [a for a in p.after if a in by_name] for p in by_name.values()})
    try:
        return tuple(by_name[name] for name in sorter.static_order())
    except CycleError as error:
        raise UsageError(f"processes wait for each other in a circle: {' → '.join(error.args[1])}") from error


def plan(
    settings: Settings, inventories: Iterable[Inventory], python: str, dashboards: Path | None
) -> tuple[Process, ...]:
    """All processes in starting order. Raises UsageError where two have one name."""
    wanted = [*own_processes(settings, python, dashboards)]
    for inventory in inventories:
        wanted += [_of(inventory, p) for p in inventory.processes]
    names = [p.name for p in wanted]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise UsageError(f"two processes have the name {sorted(twice)[0]!r}")
    return order(wanted)


def environment(settings: Settings) -> dict[str, str]:
    """What every process is told: where the settings and the state are."""
    passed = {k: os.environ[k] for k in ("LANG", "LC_ALL", "TZ") if k in os.environ}
    return {
        **passed, "OPSCTL_CONFIG": settings.file, "OPSCTL_HOME": str(settings.home_path),
        "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2",
    }  # fmt: skip
