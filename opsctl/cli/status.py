"""opsctl status, opsctl reload."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from opsctl.cli.output import AsJson, ConfigFile, console, print_json, table
from opsctl.client.http import connect
from opsctl.core.errors import OpsctlError
from opsctl.core.settings import Settings, load_settings
from opsctl.flows.lifecycle import inventories, planned
from opsctl.flows.status import Status
from opsctl.flows.status import status as look
from opsctl.model.duration import human_duration

status_app = typer.Typer(help="What runs, how it is, and the disk it uses.")
reload_app = typer.Typer(help="Load all documents again.")


@status_app.command()
def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Every process with its health and memory, firing alerts, open incidents, disk by store. Exit 1 when something is not well.

    Example: opsctl status --json
    """
    settings = load_settings(config)
    found = look(settings, planned(settings, inventories(settings)))
    business = _business(settings)
    if as_json:
        print_json({**asdict(found), **business})
    else:
        _show(found, business)
    raise typer.Exit(0 if found.ok else 1)


@reload_app.command("reload")
def reload_documents(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Every process loads its documents again; a bad one is named and the last good one stays in force.

    Example: opsctl reload
    """
    result = connect(load_settings(config)).post("/api/opsctl/v1/reload")
    if as_json:
        print_json(result)
    else:
        for name, outcome in result.items():
            console.print(f"{name:<10} {outcome}", soft_wrap=True)
    raise typer.Exit(0 if all(v == "ok" for v in result.values()) else 1)


def _business(settings: Settings) -> dict[str, Any]:
    try:
        found: dict[str, Any] = connect(settings, "viewer").get("/api/opsctl/v1/summary")
        return found
    except OpsctlError as error:
        return {"summary_error": error.message}


def _show(found: Status, business: dict[str, Any]) -> None:
    rows = [
        (
            "[green]●[/]" if r.healthy else "[red]●[/]",
            r.name,
            r.state.lower(),
            r.address,
            f"{r.resident_bytes / 1e6:.0f} MB",
            human_duration(r.up_seconds) if r.up_seconds else "-",
        )
        for r in found.processes
    ]
    table(("", "process", "state", "address", "memory", "up"), rows)
    console.print(f"\n{'all memory':<12} {found.resident_bytes / 1e6:.0f} MB")
    stores = "  ".join(f"{name} {used / 1e6:.1f} MB" for name, used in found.disk_bytes.items())
    console.print(f"{'disk':<12} {stores}\n{'':<12} {found.disk_free_bytes / 1e9:.0f} GB free")
    for key, value in business.items():
        console.print(f"{key.replace('_', ' '):<12} {value}")
