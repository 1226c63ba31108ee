"""opsctl receivers: list, test."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from opsctl.cli.deliveries import outcome, watch
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import connect
from opsctl.core.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="List receivers, send a test message.")


@app.command("list")
def list_receivers(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Every receiver, its channels, and what is on its way.

    Example: opsctl receivers list
    """
    found = connect(load_settings(config), role).get("/api/opsctl/v1/receivers")
    if as_json:
        print_json(found)
        return
    table(
        ("RECEIVER", "CHANNEL", "ROBOTS", "PER MINUTE", "PENDING", "RESTS"),
        [_row(r["name"], i) for r in found for i in r["integrations"] or [None]],
    )


def _row(name: str, i: dict[str, Any] | None) -> tuple[object, ...]:
    if i is None:
        return name, "(无人 nobody)", "-", "-", "-", "-"
    kind = f"{i['kind']} (备用 standby)" if i["standby"] else i["kind"]
    rests = f"{i['restSeconds']:.0f}s" if i["restSeconds"] else "-"
    return name, kind, i["robots"], i["ratePerMinute"] or "-", i["pending"], rests


@app.command("test")
def send_test(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the outcome.")] = 30.0,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a real, clearly marked test message by each channel of a receiver. Exit 1 when one was not taken.

    Example: opsctl receivers test phones
    """
    client = connect(load_settings(config), role)
    numbers = client.post(f"/api/opsctl/v1/receivers/{name}/test")["deliveries"]
    found = watch(client, numbers, time.monotonic() + wait)
    if as_json:
        print_json(found)
    else:
        for each in found:
            console.print(outcome(each), soft_wrap=True)
    if any(d["status"] != "sent" for d in found):
        raise typer.Exit(1)
