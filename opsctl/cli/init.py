"""opsctl init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.output import AsJson, console, print_json
from opsctl.scaffold.write import plan, write

init_app = typer.Typer(help="Write a commented configuration for this host.")


@init_app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write opsctl.yml, prometheus.yml, alertmanager.yml, a rule and an inventory for this host into DIR. Nothing is overwritten.

    Example: opsctl init my-ops && cd my-ops && opsctl up
    """
    files = plan(directory)
    if not dry_run:
        write(files)
    if as_json:
        print_json({"written": not dry_run, "files": [str(p) for p in files]})
        return
    for path in files:
        console.print(f"{'would write' if dry_run else 'wrote'} {path}", soft_wrap=True)
    if not dry_run:
        console.print(
            f"\nNext:\n  cd {directory}\n  $EDITOR secrets/dingtalk_token secrets/dingtalk_secret\n"
            "  opsctl up\n  opsctl receivers test robot",
            soft_wrap=True,
        )
