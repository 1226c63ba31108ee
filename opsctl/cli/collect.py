"""opsctl collect: runs one collector here and now, and prints what it measures."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from collectors.database import database_collector
from collectors.families import Collector, exposition
from collectors.figures import Figure, FiguresCollector
from collectors.host import HostCollector
from collectors.probe import ProbeCollector
from opsctl.cli.output import AsJson, ConfigFile, print_json
from opsctl.core.document import load
from opsctl.core.errors import NotFound, UsageError
from opsctl.core.settings import Settings, load_settings
from opsctl.model.inventory import DatabaseOf, load_inventory
from opsctl.model.inventory import Figure as FigureDocument

app = typer.Typer(no_args_is_help=True, help="Run one collector and print what it measures.")

Url = Annotated[str, typer.Option("--url", help="sqlite:///FILE or mysql://USER:PASSWORD@HOST:PORT/DATABASE")]
Name = Annotated[str, typer.Option("--name", help="A database of the inventory; needed when there are several.")]


@app.command()
def host(as_json: AsJson = False) -> None:
    """Measure this host, with node_exporter's names.

    Example: opsctl collect host | grep node_load
    """
    _print(HostCollector(), as_json)


@app.command()
def probe(
    target: Annotated[str, typer.Argument(help="A URL, or HOST:PORT with --module tcp_connect.")],
    module: Annotated[str, typer.Option("--module", help="http_2xx, http_post_2xx or tcp_connect.")] = "http_2xx",
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Ask a URL once, with blackbox_exporter's names. Exit 1 when the probe fails.

    Example: opsctl collect probe http://127.0.0.1:8080/healthz
    """
    text = _print(ProbeCollector(target, module, timeout), as_json)
    if "\nprobe_success 1" not in text:
        raise typer.Exit(1)


@app.command()
def database(url: Url = "", name: Name = "", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Look at a database: SQLite, or MariaDB with mysqld_exporter's names. Exit 1 when it is not up.

    Example: opsctl collect database --url sqlite:///var/booking/platform.db
    """
    text = _print(database_collector(url or _database(load_settings(config), name).url), as_json)
    if "\nsqlite_up 1" not in text and "\nmysql_up 1" not in text:
        raise typer.Exit(1)


@app.command()
def figures(
    name: Name = "",
    url: Url = "",
    file: Annotated[Path | None, typer.Option("--file", help="A file of figures; default: the inventory's.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate the business figures now. Exit 1 when one of them fails.

    Example: opsctl collect figures
    """
    if not (url and file):
        known = _database(load_settings(config), name)
        url, file = url or known.url, file or Path(known.figures)
    documents = load(file, tuple[FigureDocument, ...])
    made = [Figure(name=d.name, help=d.help, sql=d.sql, labels=d.labels, history=d.history) for d in documents]
    text = _print(FiguresCollector(url, made), as_json)
    if "\nfigures_up 1" not in text or any(
        line.startswith("figure_success") and line.endswith(" 0.0") for line in text.splitlines()
    ):
        raise typer.Exit(1)


def _database(settings: Settings, name: str) -> DatabaseOf:
    """The database called `name` in the inventories, or the only one there is."""
    found = [
        database
        for path in settings.systems.values()
        for database in load_inventory(settings.path(path), settings.home_path, sys.executable).databases
    ]
    known = ", ".join(database.name for database in found)
    if name:
        chosen = next((database for database in found if database.name == name), None)
        if chosen is None:
            raise NotFound(f"no database {name!r} in the inventories", f"one of: {known}" if known else "use --url")
        return chosen
    if len(found) != 1:
        raise UsageError("which database?", f"--name with one of: {known}" if known else "use --url")
    return found[0]


def _print(collector: Collector, as_json: bool) -> str:
    """Prints the families, as exposition text or as one JSON document; returns the text."""
    families = list(collector.collect())
    text = exposition(families).decode()
    if not as_json:
        sys.stdout.write(text)
        return text
    print_json(
        [
            {
                "name": sample.name,
                "labels": sample.labels,
                "value": sample.value if math.isfinite(sample.value) else str(sample.value),
            }
            for family in families
            for sample in family.samples
        ]
    )
    return text
