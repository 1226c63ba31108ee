"""opsctl logs: search, tail, stats."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import orjson
import typer
from rich.markup import escape

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json
from opsctl.client.http import connect
from opsctl.core.clock import local, parse_iso
from opsctl.core.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Search and follow the logs.")

_API = "/api/opsctl/v1/logs"
_COLOURS = {"error": "red", "critical": "bold red", "warning": "yellow", "debug": "dim"}
_HIDDEN = ("log.logger", "process.pid", "event.kind", "span.id")

Service = Annotated[str, typer.Option(help="Only this service.")]
Level = Annotated[str, typer.Option(help="This level or worse: debug, info, warning, error, critical.")]
Fields = Annotated[bool, typer.Option("--fields", help="Show every field, not the message alone.")]


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A Lucene query string; empty for every line.")] = "",
    since: Annotated[str, typer.Option(help="15m, now-1h or an ISO time.")] = "1h",
    until: Annotated[str, typer.Option(help="The same; empty for now.")] = "",
    service: Service = "",
    level: Level = "",
    limit: Annotated[int, typer.Option(help="How many, the newest of them.", min=1, max=10_000)] = 50,
    fields: Fields = False,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find log lines; shown oldest first. Exits 1 when there is none.

    Words side by side must all be there; "a phrase", field:value, AND OR NOT, [1 TO 5], >=500 and word* work:
    service: level: trace: time: and every field of the documents, e.g. http.response.status_code:[500 TO 599].

    Example: opsctl logs search 'service:payments AND "connection refused"' --since 15m --level warning
    """
    client = connect(load_settings(config), role)
    found = client.get(f"{_API}/search", q=query, since=since, until=until, limit=limit, service=service, level=level)
    if as_json:
        print_json(found)
    else:
        for line in reversed(found["lines"]):
            _show(line, fields)
        if found["total"] > len(found["lines"]):
            typer.echo(f"{found['total']} in all, the newest {len(found['lines'])} shown: --limit", err=True)
    if not found["lines"]:
        typer.echo(f"no line since {since}", err=True)
        raise typer.Exit(1)


@app.command()
def tail(
    query: Annotated[str, typer.Argument(help="A Lucene query string; empty for every line.")] = "",
    since: Annotated[str, typer.Option(help="Begin this far back.")] = "10s",
    service: Service = "",
    level: Level = "",
    fields: Fields = False,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Follow log lines as they are stored, until Ctrl-C. `--json` prints one object a line.

    Example: opsctl logs tail --level error
    """
    client = connect(load_settings(config), role)
    for raw in client.lines(f"{_API}/tail", q=query, since=since, service=service, level=level):
        if not raw:
            continue
        if as_json:
            sys.stdout.write(raw.decode() + "\n")
            sys.stdout.flush()
        else:
            _show(orjson.loads(raw), fields)


@app.command()
def stats(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """How many lines are kept, of which days, and their size.

    Example: opsctl logs stats
    """
    found = connect(load_settings(config), role).get(f"{_API}/stats")
    if as_json:
        print_json(found)
        return
    days = found["days"]
    span = f"{days[0]} … {days[-1]} ({len(days)} days)" if days else "no day yet"
    console.print(f"{found['documents']} lines, {found['bytes'] / (1 << 20):.1f} MiB, {span}")
    if found["damaged"]:
        console.print(f"[red]{found['damaged']} damaged days were put aside[/]: see ops.json.log")


def _show(line: dict[str, Any], fields: bool) -> None:
    colour = _COLOURS.get(line["level"], "")
    level = f"[{colour}]{line['level']:<8}[/]" if colour else f"{line['level']:<8}"
    more = {k: v for k, v in line["fields"].items() if k not in _HIDDEN} if fields else {}
    if fields and line["trace_id"]:
        more = {"trace.id": line["trace_id"], **more}
    tail_ = "".join(f" {k}={orjson.dumps(v).decode()}" for k, v in more.items())
    at = local(parse_iso(line["at"]), "%m-%d %H:%M:%S")
    service = escape(line["service"] or "-")
    console.print(f"{at} {level} {service:<10} {escape(line['message'])}[dim]{escape(tail_)}[/]", soft_wrap=True)
