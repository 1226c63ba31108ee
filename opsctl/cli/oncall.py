"""opsctl oncall: now, next, preview, override, ics."""

from __future__ import annotations

import getpass
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from opsctl.cli.oncall_calendar import month
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import OpsClient, connect
from opsctl.core.clock import iso, local, parse_iso
from opsctl.core.errors import UsageError
from opsctl.core.folder import write_whole
from opsctl.core.settings import load_settings
from opsctl.model.duration import human_duration, parse_duration

app = typer.Typer(no_args_is_help=True, help="Who is on call, who is next, who takes over.")

_ROOT = "/api/opsctl/v1/oncall"
Named = Annotated[str, typer.Option("--schedule", "-s", help="Which schedule; default: the only one.")]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="How many days.")]


@app.command()
def now(
    at: Annotated[str, typer.Option("--at", help="Another moment, e.g. 2026-10-01T09:00.")] = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Who has the duty of each schedule, until when, and who comes after.

    Example: opsctl oncall now
    """
    found = connect(load_settings(config), role).get(_ROOT, at=at or None)
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("没有值班表 / no schedules", "(oncall.yml: schedules)")
        return
    rows = [(d["schedule"], _name(d["person"]), _time(d["until"]), _name(d["next"]), d["source"]) for d in found]
    table(("值班表 SCHEDULE", "当前 NOW", "到 UNTIL", "下一位 NEXT", "LAYER"), rows)


@app.command("next")
def next_(
    schedule: Named = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """The next changes of duty.

    Example: opsctl oncall next
    """
    client = connect(load_settings(config), role)
    name = _named(client, schedule)
    shifts = client.get(f"{_ROOT}/{name}/shifts", days=60)[1:6]
    if as_json:
        print_json(shifts)
        return
    until = [(_time(s["begin"]), _in(s["begin"]), _name(s["person"]), s["source"]) for s in shifts]
    table(("从 FROM", "IN", f"{name}", "LAYER"), until)


@app.command()
def preview(
    days: Days = 14,
    schedule: Named = "",
    start: Annotated[str, typer.Option("--from", help="First day, e.g. 2026-10-01; default: today.")] = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """A calendar of the coming duties, holidays and worked weekends marked.

    Example: opsctl oncall preview --days 14
    """
    client = connect(load_settings(config), role)
    name = _named(client, schedule)
    begin = _midnight(start)
    shifts = client.get(f"{_ROOT}/{name}/shifts", days=days, **{"from": iso(begin)})
    if as_json:
        print_json(shifts)
        return
    console.print(f"[bold]{name}[/] 值班 / on call")
    console.print(month(shifts, begin, days))


@app.command()
def ics(
    days: Days = 90,
    schedule: Named = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; default: standard output.")] = None,
    role: AsRole = "viewer",
    config: ConfigFile = None,
) -> None:
    """The coming duties as an iCalendar file, for phones and mail programs.

    Example: opsctl oncall ics --days 90 -o oncall.ics
    """
    client = connect(load_settings(config), role)
    text = client.get(f"{_ROOT}/{_named(client, schedule)}/calendar.ics", days=days)
    if output is None:
        sys.stdout.write(text)
    else:
        write_whole(output, text.encode())
        console.print(f"{output}", soft_wrap=True)


@app.command()
def override(
    person: Annotated[str, typer.Argument(help="Who takes over: an id of oncall.yml; with --end: an override's id.")],
    begin: Annotated[str, typer.Option("--from", help="From when, e.g. 2026-10-01T09:00; default: now.")] = "",
    until: Annotated[str, typer.Option("--to", help="Until when, or for how long, e.g. 4h.")] = "",
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why.")] = "",
    schedule: Named = "",
    end: Annotated[bool, typer.Option("--end", help="End the override with this id.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a duty to somebody else for a time, or end that.

    Example: opsctl oncall override liuyang --to 4h -r "换班"
    """
    client = connect(load_settings(config), role)
    if end:
        found = client.delete(f"{_ROOT}/overrides/{person}")
    else:
        body = _wanted(client, person, begin, until, reason, schedule)
        if dry_run:
            _dry(client, body, as_json)
            return
        found = client.post(f"{_ROOT}/overrides", body)
    if as_json:
        print_json(found)
        return
    what = "结束 / ended" if end else "代班 / takes over"
    console.print(
        f"{found['schedule']}: {_name(found['person'])} {what} {_time(found['begin'])} → {_time(found['end'])}",
        soft_wrap=True,
    )
    if not end:
        console.print(f"撤回 / take back: opsctl oncall override --end {found['id']}", soft_wrap=True)


@app.command()
def ladders(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Which groups of alerts are climbing an escalation policy, and who was paged.

    Example: opsctl oncall ladders
    """
    found = connect(load_settings(config), role).get(f"{_ROOT}/ladders")
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("没有升级中的告警 / nothing is escalating")
        return
    rows = [
        (", ".join(x["alerts"]), x["policy"], x["status"], f"{x['round']}/{x['nextStep']}",
         _time(x["nextAt"]) if x["nextAt"] else "-", x["why"])
        for x in found
    ]  # fmt: skip
    table(("ALERTS", "POLICY", "STATE", "ROUND/STEP", "NEXT AT", "WHY"), rows)


def _wanted(
    client: OpsClient, person: str, begin: str, until: str, reason: str, schedule: str
) -> dict[str, str]:  # fmt: skip
    if not until:
        raise UsageError("until when is missing", "--to 4h, or --to 2026-10-01T18:00")
    start = parse_iso(begin) if begin else time.time()
    return {
        "schedule": _named(client, schedule), "person": person, "reason": reason, "by": getpass.getuser(),
        "begin": iso(start), "end": iso(_end(until, start)),
    }  # fmt: skip


def _end(text: str, start: float) -> float:
    try:
        return parse_iso(text) if "-" in text else start + parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--to is a time or a duration, not {text!r}", "4h, or 2026-10-01T18:00") from error


def _dry(client: OpsClient, body: dict[str, str], as_json: bool) -> None:
    """Who would be relieved."""
    span = (parse_iso(body["end"]) - parse_iso(body["begin"])) / 86_400
    relieved = client.get(f"{_ROOT}/{body['schedule']}/shifts", days=span, **{"from": body["begin"]})
    if as_json:
        print_json({"override": body, "relieved": relieved})
        return
    console.print(f"{body['person']} 将代替 / would relieve:")
    table(("FROM", "TO", "WHO"), [(_time(s["begin"]), _time(s["end"]), _name(s["person"])) for s in relieved])


def _named(client: OpsClient, wanted: str) -> str:
    """The schedule asked for, or the only one there is. Raises UsageError."""
    if wanted:
        return wanted
    names = [d["schedule"] for d in client.get(_ROOT)]
    if len(names) != 1:
        raise UsageError(
            f"oncall.yml has {len(names)} schedules", f"--schedule {' | '.join(names)}" if names else "add one"
        )
    return str(names[0])


def _midnight(text: str) -> float:
    day = text or local(time.time(), "%Y-%m-%d")
    try:
        return parse_iso(day)
    except ValueError as error:
        raise UsageError(f"--from is a day, not {text!r}", "e.g. 2026-10-01") from error


def _name(person: dict[str, Any] | None) -> str:
    return f"{person['name']} ({person['id']})" if person else "无人 nobody"


def _time(text: str) -> str:
    return local(parse_iso(text), "%m-%d %H:%M")


def _in(text: str) -> str:
    return human_duration(max(0.0, parse_iso(text) - time.time()))
