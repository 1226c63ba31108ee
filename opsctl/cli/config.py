"""opsctl config: check, show, schema."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import typer

from opsctl.cli.output import AsJson, ConfigFile, print_json
from opsctl.core.document import schema
from opsctl.core.settings import Settings, load_settings
from opsctl.flows.configuration import check_all

app = typer.Typer(no_args_is_help=True, help="Check, show or describe the configuration.")

_SECRET = re.compile(r"(secret|token|password|key)(?!.*_file$)", re.IGNORECASE)


@app.command()
def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Load opsctl.yml and every document it points to; name each mistake with file and line.

    Example: opsctl config check
    """
    checked = check_all(load_settings(config))
    if as_json:
        print_json({"ok": True, "checked": checked})
        return
    for name in checked:
        typer.echo(f"ok  {name}")


@app.command()
def show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print the settings in force, defaults included, secrets masked.

    Example: opsctl config show --json
    """
    settings = load_settings(config)
    values = _masked({**dataclasses.asdict(settings), "home": str(settings.home_path)})
    if as_json:
        print_json(values)
        return
    for key, value in _flat(values):
        typer.echo(f"{key} = {value}")


@app.command("schema")
def show_schema() -> None:
    """Print the JSON schema of opsctl.yml, for editors.

    Example: opsctl config schema > opsctl.schema.json
    """
    print_json(schema(Settings))


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _masked(v, k) for k, v in value.items()}
    if isinstance(value, str) and value and _SECRET.search(name):
        return "********"
    return re.sub(r"//([^:/@]+):[^@/]+@", r"//\1:********@", value) if isinstance(value, str) else value


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return rows
