"""opsctl routes: show, test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.tree import Tree

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json
from opsctl.client.http import connect
from opsctl.core.settings import load_settings
from opsctl.model.duration import human_duration

app = typer.Typer(no_args_is_help=True, help="The route tree: which receiver hears of what.")

_ROOT = "/api/opsctl/v1/routes"


@app.command()
def show(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """The route tree in force.

    Example: opsctl routes show
    """
    found = connect(load_settings(config), role).get(_ROOT)
    if as_json:
        print_json(found)
        return
    console.print(_branch(found, Tree(_title(found))))


@app.command("test")
def follow(
    labels: Annotated[list[str], typer.Argument(metavar="NAME=VALUE…", help="The labels of an alert.")],
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Which receivers would hear of an alert with these labels, and why, step by step.

    Example: opsctl routes test alertname=DiskFull severity=critical
    """
    found = connect(load_settings(config), role).get(f"{_ROOT}/test", label=labels)
    if as_json:
        print_json(found)
        return
    for line in _steps(found["visits"]):
        console.print(line, soft_wrap=True)
    console.print(f"[bold]→ {escape(', '.join(found['receivers']))}[/]", soft_wrap=True)


def _branch(route: dict[str, Any], made: Tree) -> Tree:
    for child in route["routes"]:
        _branch(child, made.add(_title(child)))
    return made


def _title(route: dict[str, Any]) -> str:
    matchers = ", ".join(route["matchers"]) or "*"
    times = "/".join(_short(route[k]) for k in ("groupWait", "groupInterval", "repeatInterval"))
    by = f" by {', '.join(route['groupBy'])}" if route["groupBy"] else ""
    notes = [
        *(["continue"] if route["continue"] else []),
        *(f"muted: {n}" for n in route["mutedDuring"]),
        *(f"only: {n}" for n in route["activeDuring"]),
    ]
    more = f" ({'; '.join(notes)})" if notes else ""
    return f"{escape(matchers)} → [bold]{escape(route['receiver'])}[/] [dim]{escape(times + by + more)}[/]"


def _steps(visits: list[dict[str, Any]]) -> Iterator[str]:
    for visit in visits:
        mark = "[green]✔[/]" if visit["takes"] else ("[dim]·[/]" if visit["matched"] else "[dim]✘[/]")
        indent = "  " * visit["depth"]
        yield f"{indent}{mark} {escape(visit['receiver'])} [dim]{escape(visit['reason'])}[/]"
        if visit["takes"]:
            waits = f"group_wait {_short(visit['groupWait'])}, repeat {_short(visit['repeatInterval'])}"
            yield f"{indent}    {escape('group ' + visit['group'])}, {waits}"


def _short(seconds: float) -> str:
    return "0s" if not seconds else human_duration(seconds).replace(" ", "")
