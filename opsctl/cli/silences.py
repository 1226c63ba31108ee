"""opsctl silences: list, add, preview, expire."""

from __future__ import annotations

import getpass
import time
from typing import Annotated, Any

import typer

from opsctl.alerts.matcher_text import parse_matchers
from opsctl.alerts.silence import matcher_json
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import OpsClient, connect
from opsctl.core.clock import iso, local, parse_iso
from opsctl.core.errors import UsageError
from opsctl.core.settings import load_settings
from opsctl.model.duration import parse_duration
from opsctl.model.matcher import Matcher

app = typer.Typer(no_args_is_help=True, help="Silences: list, add, preview, expire.")

Matchers = Annotated[list[str], typer.Argument(metavar="MATCHER…", help="name=value, name=~regex, != or !~")]


@app.command("list")
def list_silences(
    expired: Annotated[bool, typer.Option("--expired", help="Also those that are over.")] = False,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What is silenced, by whom, until when.

    Example: opsctl silences list
    """
    found = connect(load_settings(config), role).get("/api/v2/silences")
    found = [s for s in found if expired or s["status"]["state"] != "expired"]
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("没有静默 / no silences")
        return
    rows = [
        (s["id"][:8], s["status"]["state"], _written(s["matchers"]), _time(s["endsAt"]), s["createdBy"], s["comment"])
        for s in found
    ]
    table(("ID", "STATE", "MATCHERS", "UNTIL", "BY", "COMMENT"), rows)


@app.command()
def preview(matchers: Matchers, role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Which alerts of now a silence would hide. Changes nothing.

    Example: opsctl silences preview service=orders severity=~"warning|info"
    """
    client = connect(load_settings(config), role)
    found = _hidden(client, _matchers(matchers))
    if as_json:
        print_json(found)
    else:
        _show_hidden(found)


@app.command()
def add(
    matchers: Matchers,
    duration: Annotated[str, typer.Option("--for", "-d", help="How long, e.g. 2h.")] = "1h",
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why.")] = "",
    who: Annotated[str, typer.Option("--who", help="Who silences; default: your user name.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would hide.")] = False,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Silence alerts for a time; says which of now it hides.

    Example: opsctl silences add service=orders --for 2h -c "搬迁"
    """
    client, wanted = connect(load_settings(config), role), _matchers(matchers)
    if dry_run:
        preview(matchers, role, config, as_json)
        return
    if not comment:
        raise UsageError("a silence needs a comment", '-c "why"')
    number = silence(client, wanted, parse_seconds(duration), comment, who)
    if as_json:
        print_json({"silenceID": number})
        return
    console.print(f"已静默 / silenced: {number}", soft_wrap=True)
    _show_hidden(_hidden(client, wanted))
    console.print(f"撤回 / take back: opsctl silences expire {number[:8]}")


@app.command()
def expire(
    numbers: Annotated[list[str], typer.Argument(metavar="ID…", help="Silences, or the beginnings of their ids.")],
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End silences now.

    Example: opsctl silences expire 3f2a91c0
    """
    client = connect(load_settings(config), role)
    known = [s["id"] for s in client.get("/api/v2/silences") if s["status"]["state"] != "expired"]
    wanted = [_one(known, number) for number in numbers]
    for number in wanted:
        client.delete(f"/api/v2/silence/{number}")
    if as_json:
        print_json({"expired": wanted})
    else:
        console.print("\n".join(f"已结束 / ended: {number}" for number in wanted), soft_wrap=True)


def silence(client: OpsClient, matchers: list[Matcher], seconds: float, comment: str, who: str) -> str:
    """Makes a silence from now on; returns its id."""
    now = time.time()
    body = {
        "matchers": [matcher_json(m) for m in matchers], "startsAt": iso(now), "endsAt": iso(now + seconds),
        "createdBy": who or getpass.getuser(), "comment": comment,
    }  # fmt: skip
    return str(client.post("/api/v2/silences", body)["silenceID"])


def _one(known: list[str], wanted: str) -> str:
    fits = [number for number in known if number.startswith(wanted)]
    if len(fits) != 1:
        raise UsageError(f"{len(fits)} silences begin with {wanted!r}", "opsctl silences list")
    return fits[0]


def _matchers(texts: list[str]) -> list[Matcher]:
    try:
        return [m for text in texts for m in parse_matchers(text)]
    except ValueError as error:
        raise UsageError(str(error)) from error


def parse_seconds(text: str) -> float:
    """The seconds of `--for`. Raises UsageError."""
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from error
    if found <= 0:
        raise UsageError("--for is more than zero")
    return found


def _hidden(client: OpsClient, matchers: list[Matcher]) -> list[dict[str, Any]]:
    """The alerts of now that all matchers fit, silenced already or not."""
    found: list[dict[str, Any]] = client.get("/api/v2/alerts", filter=[str(m) for m in matchers])
    return found


def _show_hidden(found: list[dict[str, Any]]) -> None:
    if not found:
        console.print("现在没有告警会被隐藏 / hides no alert of now")
        return
    console.print(f"隐藏 {len(found)} 条 / hides {len(found)}:")
    rows = [
        (a["fingerprint"], a["labels"].get("severity", ""), a["labels"].get("alertname", ""),
         a["labels"].get("service", ""), a["labels"].get("instance", ""))
        for a in found
    ]  # fmt: skip
    table(("FINGERPRINT", "SEVERITY", "ALERT", "SERVICE", "INSTANCE"), rows)


def _written(matchers: list[dict[str, Any]]) -> str:
    ops = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    return " ".join(f"{m['name']}{ops[m.get('isEqual', True), m['isRegex']]}{m['value']}" for m in matchers)


def _time(text: str) -> str:
    return local(parse_iso(text), "%m-%d %H:%M")
