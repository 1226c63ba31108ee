"""opsctl up, opsctl down."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from opsctl.cli.output import AsJson, ConfigFile, console, print_json
from opsctl.core.settings import load_settings
from opsctl.flows.lifecycle import addresses, inventories, planned
from opsctl.flows.lifecycle import down as stop_all
from opsctl.flows.lifecycle import up as start_all
from opsctl.model.duration import human_duration

up_app = typer.Typer(help="Start everything and wait until it is healthy.")
down_app = typer.Typer(help="Drain deliveries, stop everything, keep data.")

_DEMO = ("opsctl status", "opsctl gameday run payment-outage", "opsctl logs search 'log.level:error' --since 15m")
_OWN = ("opsctl status", "opsctl targets list", "opsctl receivers list")
Without = Annotated[list[str] | None, typer.Option("--without", help="A system to leave out, e.g. booking.")]


@up_app.command()
def up(
    config: ConfigFile = None,
    without: Without = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until all is healthy.")] = 90.0,
    as_json: AsJson = False,
) -> None:
    """Start everything that does not run yet, wait until it is healthy, print the addresses.

    Example: opsctl up --without booking
    """
    settings = load_settings(config)
    systems = inventories(settings, without=without or ())
    started = start_all(
        settings, planned(settings, systems), _quiet if as_json else lambda line: console.print(f"  {line}"), timeout
    )
    if as_json:
        print_json({**asdict(started), "addresses": addresses(settings, systems)})
        return
    word = "already up" if started.already else "up"
    console.print(f"[bold green]{word}[/] in {human_duration(started.seconds)}: {len(started.processes)} processes\n")
    for title, url in addresses(settings, systems).items():
        console.print(f"  {title:<28} {url}", soft_wrap=True)
    console.print("\n试试 / try next:" + "".join(f"\n  {c}" for c in (_DEMO if settings.documents.gameday else _OWN)))


@down_app.command()
def down(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Drain deliveries, stop everything, keep all data.

    Example: opsctl down
    """
    settings = load_settings(config)
    stopped = stop_all(settings, _quiet if as_json else lambda line: console.print(f"  {line}"))
    if as_json:
        print_json({"stopped": stopped})
    else:
        console.print("down; data is kept in " + str(settings.home_path) if stopped else "nothing was running")


def _quiet(_: str) -> None:
    return None
