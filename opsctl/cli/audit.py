"""opsctl audit: who did what."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import connect
from opsctl.core.clock import local
from opsctl.core.settings import load_settings

audit_app = typer.Typer(help="Who did what.")


@audit_app.command()
def audit(
    config: ConfigFile = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 30,
    who: Annotated[str, typer.Option(help="Only this token's name.")] = "",
    verify: Annotated[bool, typer.Option("--verify", help="Check the chain of hashes.")] = False,
    role: AsRole = "operator",
    as_json: AsJson = False,
) -> None:
    """The append-only log of every unsafe call, newest first. `--verify` exits 1 when a row was tampered with.

    Example: opsctl audit --limit 10
    """
    client = connect(load_settings(config), role)
    if verify:
        broken = client.get("/api/opsctl/v1/audit/verify")["first_broken"]
        console.print("whole" if broken is None else f"row {broken} does not fit the chain")
        raise typer.Exit(0 if broken is None else 1)
    found = client.get("/api/opsctl/v1/audit", limit=limit, who=who)
    if as_json:
        print_json(found)
        return
    rows = [
        (local(r["at"], "%m-%d %H:%M:%S"), r["who"], f"{r['action']} {r['target'].removeprefix('/api/')}", r["status"],
         orjson.dumps(r["detail"]).decode() if r["detail"] else "")
        for r in found
    ]  # fmt: skip
    table(("when", "who", "what", "status", "detail"), rows)
