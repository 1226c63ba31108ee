"""opsctl user: tokens and roles."""

from __future__ import annotations

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import connect
from opsctl.core.clock import local
from opsctl.core.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Tokens and roles: viewer, operator, approver, admin.")


@app.command("list")
def list_tokens(config: ConfigFile = None, role: AsRole = "admin", as_json: AsJson = False) -> None:
    """Every token's name and role; the tokens themselves are never shown again.

    Example: opsctl user list
    """
    found = connect(load_settings(config), role).get("/api/opsctl/v1/users")
    if as_json:
        print_json(found)
        return
    table(
        ("name", "role", "since", "revoked"),
        [(t["name"], t["role"], local(t["created"]), local(t["revoked"]) if t["revoked"] else "") for t in found],
    )


@app.command()
def add(name: str, role: str, config: ConfigFile = None, as_role: AsRole = "admin", as_json: AsJson = False) -> None:
    """Make a token with ROLE and print it, the only time it is seen.

    Example: opsctl user add alice approver
    """
    made = connect(load_settings(config), as_role).post("/api/opsctl/v1/users", {"name": name, "role": role})
    if as_json:
        print_json(made)
    else:
        console.print(made["token"], soft_wrap=True)


@app.command()
def revoke(name: str, config: ConfigFile = None, as_role: AsRole = "admin", as_json: AsJson = False) -> None:
    """Make a token worthless from now on.

    Example: opsctl user revoke alice
    """
    connect(load_settings(config), as_role).delete(f"/api/opsctl/v1/users/{name}")
    if as_json:
        print_json({"revoked": name})
    else:
        console.print(f"{name} is revoked")
