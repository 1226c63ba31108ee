"""opsctl deliveries: list, show, retry."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import OpsClient, connect
from opsctl.core.clock import local, parse_iso
from opsctl.core.errors import UsageError
from opsctl.core.settings import load_settings
from opsctl.model.duration import parse_duration

app = typer.Typer(no_args_is_help=True, help="What was sent, refused, retried.")

_ROOT = "/api/opsctl/v1/deliveries"
_STATUS = {
    "pending": "等待 pending", "sending": "发送中 sending", "sent": "已送达 sent", "failed": "失败 failed",
    "superseded": "并入 superseded",
}  # fmt: skip
_SHOWN = 20


@app.command("list")
def list_deliveries(
    status: Annotated[str, typer.Option("--status", help="pending, sending, sent, failed or superseded.")] = "",
    receiver: Annotated[str, typer.Option("--receiver", help="Of this receiver only.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="By this kind of channel only, e.g. dingtalk.")] = "",
    alert: Annotated[str, typer.Option("--alert", help="That tell of this alert: its name or fingerprint.")] = "",
    since: Annotated[str, typer.Option("--since", help="How far back, e.g. 2h.")] = "24h",
    before: Annotated[int, typer.Option("--before", min=0, help="Older than this ID, for the next page.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """The delivery log, newest first.

    Example: opsctl deliveries list --status failed --since 7d
    """
    try:
        start = time.time() - parse_duration(since)
    except ValueError as error:
        raise UsageError(str(error)) from error
    asked = {"status": status, "receiver": receiver, "channel": channel, "alert": alert}
    found = connect(load_settings(config), role).get(
        _ROOT, since=f"{start:.3f}", limit=limit, before=before, **{k: v or None for k, v in asked.items()}
    )
    if as_json:
        print_json(found)
        return
    table(("ID", "TIME", "TO", "WHAT", "STATUS", "TRIES", "REASON"), [_row(d) for d in found])


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="ID")],
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """One delivery: when, by which channel, with which outcome, and every alert that it tells of.

    Example: opsctl deliveries show 17
    """
    found = connect(load_settings(config), role).get(f"{_ROOT}/{number}")
    if as_json:
        print_json(found)
        return
    for name, value in _facts(found):
        if value:
            console.print(f"{name:<24}{value}", soft_wrap=True)
    for each in found["tells"]:
        console.print(f"  {each['state']:<9} {each['alert']}  {each['fingerprint']}", soft_wrap=True)


@app.command()
def retry(
    numbers: Annotated[list[int], typer.Argument(metavar="ID…")],
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the outcome.")] = 15.0,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send failed deliveries once more, and say what became of them. Exit 1 when one was not taken.

    Example: opsctl deliveries retry 17 18
    """
    client = connect(load_settings(config), role)
    for number in numbers:
        client.post(f"{_ROOT}/{number}/retry")
    found = watch(client, numbers, time.monotonic() + wait)
    if as_json:
        print_json(found)
    else:
        for each in found:
            console.print(outcome(each), soft_wrap=True)
    if any(d["status"] != "sent" for d in found):
        raise typer.Exit(1)


def watch(client: OpsClient, numbers: list[int], end: float) -> list[dict[str, Any]]:
    """The deliveries once all are through, or as they are at `end`."""
    while True:
        found = [client.get(f"{_ROOT}/{n}") for n in numbers]
        if all(d["status"] in ("sent", "failed") for d in found) or time.monotonic() > end:
            return found
        time.sleep(0.2)


def outcome(delivery: dict[str, Any]) -> str:
    """One line: to whom, what became of it, why."""
    status, again = delivery["status"], delivery["nextAt"]
    later = f" · 下次 next {local(parse_iso(again), '%H:%M:%S')}" if again else ""
    return f"#{delivery['id']} {delivery['integration']}: {_STATUS[status]} {delivery['reason']}{later}".rstrip()


def _facts(d: dict[str, Any]) -> list[tuple[str, str]]:
    carried = ", ".join(f"#{n}" for n in d["carries"][:_SHOWN])
    more = f" … ({len(d['carries'])})" if len(d["carries"]) > _SHOWN else ""
    repeated = " · 可能重复 possibly repeated" if d["possiblyRepeated"] else ""
    return [
        ("编号 id", f"#{d['id']}"),
        ("状态 status", _STATUS[d["status"]] + repeated),
        ("接收者 receiver", f"{d['receiver']} → {d['integration']} ({d['channel']})"),
        ("内容 what", _what(d)),
        ("缘由 cause", d["cause"]),
        ("说明 note", d["note"]),
        ("创建 created", _at(d["createdAt"])),
        ("送达 sent", _at(d["sentAt"])),
        ("下次 next try", _at(d["nextAt"])),
        ("次数 tries", str(d["attempts"])),
        ("原因 reason", d["reason"]),
        ("由谁代发 told by", f"#{d['supersededBy']}" if d["supersededBy"] else ""),
        ("合并了 carries", carried + more),
    ]


def _at(text: str | None) -> str:
    return local(parse_iso(text), "%Y-%m-%d %H:%M:%S") if text else ""


def _what(d: dict[str, Any]) -> str:
    if d["test"]:
        return "测试 test"
    names = ", ".join(d["alerts"][:3])
    more = f" … ({len(d['alerts'])})" if len(d["alerts"]) > 3 else ""
    return f"{d['state']} {names}{more}"


def _row(d: dict[str, Any]) -> tuple[object, ...]:
    repeated = " 可能重复 (possibly repeated)" if d["possiblyRepeated"] else ""
    at = local(parse_iso(d["createdAt"]), "%m-%d %H:%M:%S")
    return d["id"], at, d["integration"], _what(d), _STATUS[d["status"]] + repeated, d["attempts"], d["reason"]
