"""What every command prints with: tables on a terminal, one JSON document with --json."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
ConfigFile = Annotated[str | None, typer.Option("--config", help="Another opsctl.yml.", metavar="FILE")]
AsRole = Annotated[
    str, typer.Option("--as", help="Whose token to use: viewer, operator, approver or admin.", metavar="ROLE")
]

console = Console(highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on stdout, UTF-8 unescaped."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A plain table that fits 80 columns where its content does."""
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(str(cell) for cell in row))
    console.print(made)
