"""Long work of `opsctl metrics` on stderr: a bar with the time that is left on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Share = Callable[[float, str], None]
_LINE_SECONDS = 5.0
_NAME = 30


@contextmanager
def share(verb: str) -> Iterator[Share]:
    """A callback that takes the share that is done and what is being worked on."""
    if not sys.stderr.isatty():
        yield _lines(verb)
        return
    columns = (
        TextColumn(verb), BarColumn(bar_width=20), TaskProgressColumn(), TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda done, what: bar.update(task, completed=done, description=escape(what[-_NAME:]))


def _lines(verb: str) -> Share:
    last = time.monotonic()

    def tell(done: float, what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_SECONDS:
            last = time.monotonic()
            print(f"{verb} {done:.0%} {what}", file=sys.stderr)

    return tell
