"""opsctl gameday: list, run, history."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, ConfigFile, console, print_json, table
from opsctl.core.clock import local
from opsctl.core.settings import load_settings
from opsctl.flows.gameday import Gameday
from opsctl.gameday.play import Event

app = typer.Typer(no_args_is_help=True, help="Break something and watch the product mend it.")


@app.command("list")
def list_scenarios(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Every scenario: what it breaks, which alert must find it.

    Example: opsctl gameday list
    """
    found = Gameday(load_settings(config)).scenarios()
    if as_json:
        print_json([{"name": s.name, "title": s.title, "alert": s.alert} for s in found.values()])
        return
    table(("scenario", "what breaks", "alert"), [(s.name, s.title, s.alert) for s in found.values()])


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A scenario, or all.")],
    config: ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be broken.")] = False,
    as_json: AsJson = False,
) -> None:
    """Break it, and print live how it is detected, delivered, mended. Exit 1 when one of these failed.

    Example: opsctl gameday run payment-outage
    """
    gameday = Gameday(load_settings(config))
    if dry_run:
        plans = gameday.plan(name)
        if as_json:
            print_json(plans)
        else:
            for plan in plans:
                console.print(
                    f"{plan['scenario']}: would break by {plan['fault']}, expect {plan['alert']}", soft_wrap=True
                )
        return
    outcomes = [o.figures() for o in gameday.run(name, _quiet if as_json else _show)]
    if as_json:
        print_json(outcomes)
    else:
        console.print()
        _summary(outcomes)
    raise typer.Exit(0 if all(o["passed"] for o in outcomes) else 1)


@app.command()
def history(
    config: ConfigFile = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Earlier gamedays and their measured times.

    Example: opsctl gameday history --limit 5
    """
    found = Gameday(load_settings(config)).history.list()[:limit]
    if as_json:
        print_json(found)
    else:
        _summary(found)


def _show(event: Event) -> None:
    mark = "[green]✓[/]" if event.good else "[red]✗[/]"
    console.print(f"[dim]{event.after:6.1f}s[/] {mark} {event.text}", soft_wrap=True)
    for line in event.lines:
        if line:
            console.print(f"          [dim]{_plain(line)}[/]", overflow="ellipsis", no_wrap=True)


def _plain(line: str) -> str:
    return " ".join(line.split()).replace("[", "\\[")


def _quiet(_: Event) -> None:
    return None


def _summary(outcomes: list[dict[str, Any]]) -> None:
    def seconds(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f} s"

    rows = [
        (
            local(o["started_at"], "%m-%d %H:%M"),
            o["scenario"],
            seconds(o["mttd_seconds"]),
            seconds(o["mttn_seconds"]),
            seconds(o["recovered_after"]),
            seconds(o["mttr_seconds"]),
            "[green]passed[/]" if o["passed"] else "[red]failed[/]",
        )
        for o in outcomes
    ]
    table(("when", "scenario", "MTTD", "MTTN", "recovered", "MTTR", "result"), rows)
    for outcome in outcomes:
        for problem in outcome["problems"]:
            console.print(f"{outcome['scenario']}: {problem}", soft_wrap=True)
