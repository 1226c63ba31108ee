"""opsctl doctor."""

from __future__ import annotations

from dataclasses import asdict

import typer

from opsctl.cli.output import AsJson, ConfigFile, console, print_json
from opsctl.flows.doctor import examine

doctor_app = typer.Typer(help="Find and explain what is wrong on this machine.")
_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[red]✗[/]"}


@doctor_app.command()
def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Python, documents, permissions, disk, memory, ports, clock, processes. Exit 1 when something is bad.

    Example: opsctl doctor
    """
    findings = examine(config)
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        for found in findings:
            console.print(f"{_MARKS[found.verdict]} {found.check:<13} {found.message}", soft_wrap=True)
            if found.hint:
                console.print(f"  {'':<13} → {found.hint}", soft_wrap=True, style="dim")
    raise typer.Exit(1 if any(f.verdict == "bad" for f in findings) else 0)
