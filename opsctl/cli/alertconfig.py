"""opsctl alertconfig: check."""

from __future__ import annotations

import enum
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from opsctl.alerts.checked import Checked, check_configuration
from opsctl.cli.output import AsJson, print_json
from opsctl.core.errors import DocumentError, OpsctlError
from opsctl.core.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Check alertmanager.yml and its templates.")


class Matchers(enum.StrEnum):
    """As parse_matchers names them."""

    fallback = "fallback"
    classic = "classic"
    utf8 = "utf8"


@app.callback()
def _noun() -> None:
    """Keeps `check` a verb, although it is the only one."""


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files as alertmanager.yml.", metavar="FILE…")],
    mode: Annotated[
        Matchers, typer.Option("--matchers", help="How matchers are read: as without --enable-feature, or with it.")
    ] = Matchers.fallback,
    as_json: AsJson = False,
) -> None:
    """Check files as amtool does, our receivers and every template in them too; exit 1 if one is wrong.

    Example: opsctl alertconfig check alertmanager.yml
    """
    results = [(path, _checked(path, mode)) for path in files]
    if as_json:
        print_json([_json(path, result) for path, result in results])
    else:
        for path, result in results:
            _print(path, result)
    if any(isinstance(result, DocumentError) for _, result in results):
        raise typer.Exit(1)


def _checked(path: Path, mode: Matchers) -> Checked | DocumentError:
    try:
        return check_configuration(path, mode.value, _environment())
    except DocumentError as error:
        return error


def _environment() -> dict[str, str]:
    """What the alerting process would have: the home of an opsctl.yml, where there is one."""
    try:
        home = {"OPSCTL_HOME": str(load_settings().home_path)}
    except OpsctlError:
        home = {}
    return {**home, **os.environ}


def _json(path: Path, result: Checked | DocumentError) -> dict[str, object]:
    if isinstance(result, DocumentError):
        return {"file": str(path), "ok": False, "problems": [asdict(p) for p in result.problems]}
    return {"file": str(path), "ok": True, **asdict(result)}


def _print(path: Path, result: Checked | DocumentError) -> None:
    if isinstance(result, DocumentError):
        typer.echo(f"Checking '{path}'  FAILED")
        for problem in result.problems:
            typer.echo(str(problem), err=True)
        return
    typer.echo(f"Checking '{path}'  SUCCESS\nFound:")
    for name, count in asdict(result).items():
        typer.echo(f" - {count} {name.replace('_', ' ')}")
