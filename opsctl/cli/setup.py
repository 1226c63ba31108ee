"""opsctl setup."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from opsctl.cli.output import AsJson, ConfigFile, console, print_json
from opsctl.core.settings import load_settings
from opsctl.flows.lifecycle import inventories
from opsctl.flows.setup import Progress as Step
from opsctl.flows.setup import set_up

setup_app = typer.Typer(help="Make the state folder and seed data (make up does this).")


@setup_app.command()
def setup(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Make the state folder, run each system's own set-up, fill the seeded days into the store. Safe to run again.

    Example: opsctl setup
    """
    settings = load_settings(config)
    with _progress(quiet=as_json) as on_progress:
        done = set_up(settings, inventories(settings), sys.executable, on_progress)
    if as_json:
        print_json({"home": str(settings.home_path), "done": done})
    else:
        console.print(f"set up in {settings.home_path}" + (f": {', '.join(done)}" if done else ""), soft_wrap=True)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Step], None]]:
    """A bar on a terminal, plain lines in a pipe, nothing with --json."""
    if quiet:
        yield lambda _: None
        return
    if not console.is_terminal:
        yield _Lines().show
        return
    with Progress(
        TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def show(step: Step) -> None:
            if not step.total:
                console.print(f"  {step.what}", soft_wrap=True)
                return
            if step.what not in tasks:
                tasks[step.what] = bar.add_task(step.what, total=step.total)
            bar.update(tasks[step.what], completed=step.done)

        yield show


class _Lines:
    """Progress as plain lines: each message, and each quarter of a count."""

    def __init__(self) -> None:
        self._said: set[tuple[str, int]] = set()

    def show(self, step: Step) -> None:
        quarter = 4 * step.done // step.total if step.total else -1
        if (step.what, quarter) in self._said:
            return
        self._said.add((step.what, quarter))
        print(f"  {step.what}" + (f" {25 * quarter}%" if step.total else ""), flush=True)
