"""How `opsctl backup` shows long work: a bar on a terminal, a line a stage in a pipe; here or in the ops process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from backup.progress import OnProgress, Progress, silent
from opsctl.client.http import OpsClient
from opsctl.core.errors import OpsctlError

_POLL_SECONDS = 0.3


@contextmanager
def progress(quiet: bool = False) -> Iterator[OnProgress]:
    """A callback that shows progress on stderr while the block runs."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        yield from _bar()
    else:
        yield _lines()


def follow(client: OpsClient, api: str, verb: str, source: str, quiet: bool) -> list[dict[str, Any]]:
    """Begins a verb in the ops process and waits for its results. Raises OpsctlError with what failed there."""
    begun = client.post(f"{api}/jobs", {"verb": verb, "source": source})
    with progress(quiet) as on_progress:
        return [_wait(client, f"{api}/jobs/{job['id']}", on_progress) for job in begun]


def _wait(client: OpsClient, path: str, on_progress: OnProgress) -> dict[str, Any]:
    while True:
        job = client.get(path)
        if job["stage"]:
            on_progress(Progress(job["stage"], job["done"], job["total"], job["item"]))
        if job["state"] == "done":
            result: dict[str, Any] = job["result"]
            return result
        if job["state"] == "failed":
            raise OpsctlError(job["error"], job["hint"])
        time.sleep(_POLL_SECONDS)


def _bar() -> Iterator[OnProgress]:
    columns = (TextColumn("{task.description:<9}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda e: bar.update(task, description=e.stage, completed=e.done, total=e.total or None)


def _lines() -> OnProgress:
    told: set[str] = set()

    def on_progress(event: Progress) -> None:
        if event.stage not in told:
            told.add(event.stage)
            print(f"{event.stage} …", file=sys.stderr)

    return on_progress
