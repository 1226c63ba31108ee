"""opsctl receivers: list, test."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import OpsClient, connect
from opsctl.core.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="List receivers, send a test message.")

_OVER = ("sent", "failed")


@app.command("list")
def list_receivers(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Every receiver, its channels, and what is on its way.

    Example: opsctl receivers list
    """
    found = connect(load_settings(config), role).get("/api/opsctl/v1/receivers")
    if as_json:
        print_json(found)
        return
    rows = [
        (
            r["name"],
            i["kind"],
            i["ratePerMinute"] or "-",
            i["pending"],
            f"{i['restSeconds']:.0f}s" if i["restSeconds"] else "-",
        )
        for r in found
        for i in r["integrations"] or [{"kind": "(nobody)", "ratePerMinute": 0, "pending": 0, "restSeconds": 0}]
    ]
    table(("RECEIVER", "CHANNEL", "PER MINUTE", "PENDING", "RESTS"), rows)


@app.command("test")
def send_test(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the outcome.")] = 15.0,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a real, clearly marked test message by each channel of a receiver. Exit 1 when one was not taken.

    Example: opsctl receivers test phones
    """
    client = connect(load_settings(config), role)
    numbers = client.post(f"/api/opsctl/v1/receivers/{name}/test")["deliveries"]
    found = _watch(client, numbers, time.monotonic() + wait)
    if as_json:
        print_json(found)
    else:
        for each in found:
            console.print(f"{each['integration']}: {each['status']} {each['reason']}".rstrip(), soft_wrap=True)
    if any(d["status"] != "sent" for d in found):
        raise typer.Exit(1)


def _watch(client: OpsClient, numbers: list[int], end: float) -> list[dict[str, Any]]:
    while True:
        found = [client.get(f"/api/opsctl/v1/deliveries/{n}") for n in numbers]
        if all(d["status"] in _OVER for d in found) or time.monotonic() > end:
            return found
        time.sleep(0.2)
