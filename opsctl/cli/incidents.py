"""opsctl incidents: list, show, note, ack, report, stats."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import OpsClient, connect
from opsctl.core.clock import local
from opsctl.core.settings import load_settings
from opsctl.model.duration import human_duration

app = typer.Typer(no_args_is_help=True, help="List, show, annotate incidents; write reports.")

_API = "/api/opsctl/v1/incidents"
Number = Annotated[int, typer.Argument(help="The incident's number.", metavar="INCIDENT")]


def _client(config: str | None, role: str) -> OpsClient:
    return connect(load_settings(config), role)


@app.command("list")
def list_incidents(
    state: Annotated[str, typer.Option(help="open, closed or all.")] = "all",
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 30,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List incidents, newest first.

    Example: opsctl incidents list --state open
    """
    found = _client(config, role).get(_API, state=state, limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            i["id"],
            i["severity"],
            i["state"],
            local(i["opened_at"]),
            _seconds(i["mtta"]),
            _seconds(i["mttr"]),
            i["title"],
        )
        for i in found
    ]
    table(("ID", "SEVERITY", "STATE", "OPENED", "MTTA", "MTTR", "TITLE"), rows)


@app.command()
def show(number: Number, role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show an incident and its timeline.

    Example: opsctl incidents show 12
    """
    found = _client(config, role).get(f"{_API}/{number}")
    if as_json:
        print_json(found)
        return
    console.print(f"{found['id']}  {found['severity']}  {found['state']}  {found['title']}", markup=False, style="bold")
    key = ", ".join(f"{k}={v}" for k, v in found["key"].items())
    who = found["acked_by"] or "nobody"
    console.print(
        f"{key}  acknowledged by {who}  MTTA {_seconds(found['mtta'])}  MTTR {_seconds(found['mttr'])}", markup=False
    )
    if found["runbook"]:
        firing = next((m["fingerprint"] for m in found["members"] if m["ended_at"] is None), "")
        alert = f" --alert {firing}" if firing else ""
        console.print(f"runbook: opsctl runbook run {found['runbook']}{alert}", markup=False)
    table(("TIME", "AFTER", "WHAT"), [
        (local(m["at"], "%H:%M:%S"), f"+{human_duration(max(0.0, m['at'] - found['opened_at']))}", m["text"])
        for m in found["timeline"]
    ])  # fmt: skip


@app.command()
def note(
    number: Number,
    text: Annotated[str, typer.Argument(help="What to enter into the timeline.")],
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Enter a note into an incident's timeline.

    Example: opsctl incidents note 12 "called the bank; they confirm an outage"
    """
    _done(_client(config, role).post(f"{_API}/{number}/notes", {"text": text}), "noted", as_json)


@app.command()
def ack(
    number: Number,
    comment: Annotated[str, typer.Option(help="What others should know.")] = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Acknowledge every firing alert of an incident.

    Example: opsctl incidents ack 12 --comment "looking at it"
    """
    found = _client(config, role).post(f"{_API}/{number}/ack", {"comment": comment})
    _done(found, f"acknowledged {len(found['fingerprints'])} alerts as {found['who']}", as_json)


@app.command()
def report(number: Number, role: AsRole = "operator", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Write an incident's report as Markdown and HTML, and print where.

    Example: opsctl incidents report 12
    """
    found = _client(config, role).post(f"{_API}/{number}/report")
    _done(found, f"{found['markdown']}\n{found['html']}", as_json)


@app.command()
def stats(
    weeks: Annotated[int, typer.Option(help="So many weeks back.")] = 8,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show incidents, MTTA and MTTR by week.

    Example: opsctl incidents stats --weeks 4
    """
    found = _client(config, role).get(f"{_API}/stats", weeks=weeks)
    if as_json:
        print_json(found)
        return
    rows = [
        (w["week"], w["opened"], w["closed"], _seconds(w["mtta_seconds"]), _seconds(w["mttr_seconds"]))
        for w in found["weeks"]
    ]
    table(("WEEK", "OPENED", "CLOSED", "MTTA", "MTTR"), rows, f"{found['open']} open")


def _done(found: Any, text: str, as_json: bool) -> None:
    print_json(found) if as_json else typer.echo(text)


def _seconds(value: float | None) -> str:
    return "-" if value is None else human_duration(value)
