"""opsctl deliveries: list, retry."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import connect
from opsctl.core.clock import local, parse_iso
from opsctl.core.errors import UsageError
from opsctl.core.settings import load_settings
from opsctl.model.duration import parse_duration

app = typer.Typer(no_args_is_help=True, help="What was sent, refused, retried.")

_ROOT = "/api/opsctl/v1/deliveries"


@app.command("list")
def list_deliveries(
    status: Annotated[str, typer.Option("--status", help="pending, sending, sent, failed or superseded.")] = "",
    since: Annotated[str, typer.Option("--since", help="How far back, e.g. 2h.")] = "24h",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """The delivery log, newest first.

    Example: opsctl deliveries list --status failed --since 7d
    """
    try:
        start = time.time() - parse_duration(since)
    except ValueError as error:
        raise UsageError(str(error)) from error
    client = connect(load_settings(config), role)
    found = client.get(_ROOT, since=f"{start:.3f}", limit=limit, status=status or None)
    if as_json:
        print_json(found)
        return
    table(("ID", "TIME", "TO", "WHAT", "STATUS", "TRIES", "REASON"), [_row(d) for d in found])


@app.command()
def retry(
    number: Annotated[int, typer.Argument(metavar="ID")],
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a failed delivery once more.

    Example: opsctl deliveries retry 17
    """
    found = connect(load_settings(config), role).post(f"{_ROOT}/{number}/retry")
    if as_json:
        print_json(found)
        return
    console.print(f"#{found['id']} 已重新排队 / queued again → {found['integration']}")


def _row(d: dict[str, Any]) -> tuple[object, ...]:
    what = "测试 test" if d["test"] else f"{d['state']} {', '.join(d['alerts'])}"
    repeated = " (possibly repeated)" if d["possiblyRepeated"] else ""
    at = local(parse_iso(d["createdAt"]), "%m-%d %H:%M:%S")
    return d["id"], at, d["integration"], what, d["status"] + repeated, d["attempts"], d["reason"]
