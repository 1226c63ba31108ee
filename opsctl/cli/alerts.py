"""opsctl alerts: list, show, ack."""

from __future__ import annotations

import getpass
import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.cli.silences import parse_seconds
from opsctl.cli.silences import silence as add_silence
from opsctl.client.http import OpsClient, connect
from opsctl.core.clock import local, parse_iso
from opsctl.core.errors import NotFound, UsageError
from opsctl.core.settings import load_settings
from opsctl.model.duration import human_duration
from opsctl.model.matcher import Matcher

app = typer.Typer(no_args_is_help=True, help="List, show and acknowledge alerts.")

Which = Annotated[str, typer.Argument(help="A fingerprint, the beginning of one, or an alert's name.")]
_ROOT = "/api/opsctl/v1/alerts"


@app.command("list")
def list_alerts(
    resolved: Annotated[bool, typer.Option("--resolved", help="Also those that ended lately.")] = False,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What fires now, since when, and who has it.

    Example: opsctl alerts list
    """
    found = connect(load_settings(config), role).get(_ROOT, resolved="true" if resolved else None)
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("没有告警 / no alerts")
        return
    table(("FINGERPRINT", "SEVERITY", "ALERT", "SERVICE", "SINCE", "STATE", "ACK"), [_row(a) for a in found])


@app.command()
def show(which: Which, role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """One alert: labels, texts, state, acknowledgement, deliveries.

    Example: opsctl alerts show PaymentFailureRatioHigh
    """
    client = connect(load_settings(config), role)
    found = client.get(f"{_ROOT}/{_find(client, which)}")
    if as_json:
        print_json(found)
        return
    for name, value in _facts(found):
        console.print(f"{name:<12} {value}", soft_wrap=True)
    told = [
        (d["id"], d["integration"], d["status"], d["cause"], _time(d["sentAt"]), d["reason"])
        for d in found["deliveries"]
    ]
    if told:
        console.print()
        table(("DELIVERY", "TO", "STATUS", "CAUSE", "SENT", "REASON"), told)


@app.command()
def ack(
    which: Which,
    who: Annotated[str, typer.Option("--who", help="Who takes it on; default: your user name.")] = "",
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why, or what is being done.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the acknowledgement back.")] = False,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take on an alert, until it resolves or the time is up (oncall.yml: ack_timeout).

    Example: opsctl alerts ack PaymentFailureRatioHigh -c "looking"
    """
    client = connect(load_settings(config), role)
    path = f"{_ROOT}/{_find(client, which)}/ack"
    body = {"who": who or getpass.getuser(), "via": "cli", "comment": comment}
    found = client.delete(path) if undo else client.post(path, body)
    if as_json:
        print_json(found)
    elif undo:
        console.print("认领已撤回 / taken back")
    else:
        console.print(f"{found['who']} 已认领 / acknowledged until {_time(found['until'])}")


@app.command()
def silence(
    which: Which,
    duration: Annotated[str, typer.Option("--for", "-d", help="How long, e.g. 2h.")] = "1h",
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why.")] = "",
    who: Annotated[str, typer.Option("--who", help="Who silences; default: your user name.")] = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Silence this very alert, all its labels, for a time.

    Example: opsctl alerts silence DiskFull --for 2h -c "扩容中"
    """
    client = connect(load_settings(config), role)
    found = client.get(f"{_ROOT}/{_find(client, which)}")
    matchers = [Matcher(name, "=", value) for name, value in found["labels"].items()]
    number = add_silence(client, matchers, parse_seconds(duration), comment or "opsctl alerts silence", who)
    if as_json:
        print_json({"silenceID": number})
    else:
        console.print(f"已静默 / silenced: {number}", soft_wrap=True)


@app.command()
def explain(which: Which, role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """The whole life of one alert: what was decided, when, and why.

    Example: opsctl alerts explain PaymentFailureRatioHigh
    """
    client = connect(load_settings(config), role)
    found = client.get(f"/api/opsctl/v1/life/{_find(client, which)}")
    if as_json:
        print_json(found)
        return
    labels = ", ".join(f"{k}={v}" for k, v in found["labels"].items())
    console.print(f"{found['fingerprint']} {labels}", soft_wrap=True)
    rows = [(_time(e["at"]), e["kind"], e["receiver"], e["reason"]) for e in found["events"]]
    table(("TIME", "WHAT", "WHERE", "WHY"), rows)
    for group in found["groups"]:
        console.print(f"\n[bold]{group['receiver']}[/] {escape(group['group'])}", soft_wrap=True)
        console.print(f"  下次检查 / looked at next: {_time(group['nextFlush'])}")
        for name in group["mutedBy"]:
            console.print(f"  时段静音 / muted by: {name}")
        for each in group["integrations"]:
            told, again = _time(each["toldAt"]) or "-", _time(each["repeatAfter"]) or "-"
            console.print(f"  {each['integration']}: 已告知 / told {told}, 重复 / again after {again}")


@app.command()
def noise(
    days: Annotated[int, typer.Option("--days", min=1, max=92, help="How far back.")] = 7,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Which alerts woke somebody, which were taken on, which went by themselves, and what to change.

    Example: opsctl alerts noise --days 7
    """
    found = connect(load_settings(config), role).get("/api/opsctl/v1/noise", days=days)
    if as_json:
        print_json(found)
        return
    total, begins = found["total"], found["logBegins"]
    console.print(f"{_time(found['from'])} → {_time(found['to'])}（记录始于 / log begins {_time(begins) or '-'}）")
    console.print(
        f"{total['episodes']} 次告警，{total['messages']} 条消息，夜间 {total['woke']} 次，"
        f"5 分钟内认领 {total['acknowledgedSoon']}，自行恢复 {total['resolvedAlone']}\n"
        f"{total['episodes']} episodes, {total['messages']} messages, {total['woke']} at night, "
        f"{total['acknowledgedSoon']} taken on within 5 m, {total['resolvedAlone']} resolved alone"
    )
    if not found["alerts"]:
        return
    rows = [
        (a["alert"], a["episodes"], a["messages"], a["woke"], a["acknowledgedSoon"], a["resolvedAlone"],
         human_duration(a["medianSeconds"]) if a["medianSeconds"] is not None else "-")
        for a in found["alerts"]
    ]  # fmt: skip
    table(("ALERT", "TIMES", "SENT", "NIGHT", "ACK<5m", "ALONE", "MEDIAN"), rows)
    for each in found["alerts"]:
        if each["advice"]:
            console.print(f"[bold]{each['alert']}[/] {each['advice']}", soft_wrap=True)


def _find(client: OpsClient, which: str) -> str:
    """The fingerprint that a person means. Raises NotFound, UsageError when several fit."""
    alerts = client.get(_ROOT, resolved="true")
    fits = [a for a in alerts if a["fingerprint"].startswith(which.lower()) or a["labels"].get("alertname") == which]
    fits = [a for a in fits if a["status"]["state"] != "resolved"] or fits
    if not fits:
        raise NotFound(f"no alert {which!r}", "opsctl alerts list")
    if len(fits) > 1:
        raise UsageError(
            f"{len(fits)} alerts fit {which!r}: {', '.join(a['fingerprint'] for a in fits[:5])}", "name the fingerprint"
        )
    return str(fits[0]["fingerprint"])


def _row(alert: dict[str, Any]) -> tuple[object, ...]:
    labels, taken = alert["labels"], alert["ack"]
    since = human_duration(max(0.0, time.time() - parse_iso(alert["startsAt"])))
    return (
        alert["fingerprint"], labels.get("severity", ""), labels.get("alertname", ""), labels.get("service", ""),
        since, alert["status"]["state"], taken["who"] if taken else "",
    )  # fmt: skip


def _facts(alert: dict[str, Any]) -> list[tuple[str, str]]:
    taken, status = alert["ack"], alert["status"]
    held = [f"{k}: {', '.join(status[k])}" for k in ("silencedBy", "inhibitedBy", "mutedBy") if status[k]]
    return [
        ("fingerprint", alert["fingerprint"]),
        ("labels", ", ".join(f"{k}={v}" for k, v in alert["labels"].items())),
        *alert["annotations"].items(),
        ("state", "; ".join([status["state"], *held])),
        ("since", _time(alert["startsAt"])),
        ("receivers", ", ".join(r["name"] for r in alert["receivers"])),
        ("ack", f"{taken['who']} ({taken['via']}) until {_time(taken['until'])} {taken['comment']}" if taken else "-"),
    ]


def _time(text: str | None) -> str:
    return local(parse_iso(text)) if text else ""
