"""opsctl rules eval: what a rule file would fire on the running product, or on any Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opsctl.cli.engine import ApiEngine
from opsctl.cli.moments import moment_of
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.cli.query import Url, client_of
from opsctl.core.clock import iso, local
from opsctl.core.errors import UsageError
from opsctl.model.duration import parse_duration
from opsctl.promql.number import format_float
from opsctl.rules.check import load_rules
from opsctl.rules.document import Group
from opsctl.rules.preview import Foreseen, preview_group
from opsctl.rules.state import ActiveAlert

Foretold = Sequence[tuple[Group, tuple[Foreseen, ...]]]


def evaluate(
    file: Annotated[Path, typer.Argument(help="A rule file.", metavar="FILE")],
    at: Annotated[str, typer.Option("--at", help="At this time (RFC 3339, or epoch seconds) instead of now.")] = "",
    interval: Annotated[
        str, typer.Option("--interval", help="Evaluation interval of groups that name none.", metavar="DURATION")
    ] = "1m",
    url: Url = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a rule file would fire: pending and firing alerts, rendered, and what would be recorded.

    Exits 0 when nothing fires, 1 when something does, 2 when the file or a rule cannot be evaluated.

    Example: opsctl rules eval alert_rules/host.yml --at 2026-11-25T09:00:00+08:00
    """
    groups = load_rules(file)
    moment, step = moment_of(at, "--at") if at else time.time(), _positive(interval)
    engine = ApiEngine(client_of(url, role, config))
    found = [(group, preview_group(group, engine, moment, step)) for group in groups]
    if as_json:
        print_json(_as_json(file, moment, found))
    else:
        _show(found)
    states = {rule.state for _, rules in found for rule in rules}
    if "error" in states:
        raise typer.Exit(2)
    if "firing" in states:
        raise typer.Exit(1)


def _positive(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--interval: {error}") from error
    if seconds <= 0:
        raise UsageError("--interval must be more than 0")
    return seconds


def _as_json(file: Path, at: float, found: Foretold) -> dict[str, object]:
    groups = [{"name": group.name, "rules": [_rule_json(rule) for rule in rules]} for group, rules in found]
    firing = sum(alert.state == "firing" for _, rules in found for rule in rules for alert in rule.alerts)
    return {"file": str(file), "at": iso(at), "firing": firing, "groups": groups}


def _rule_json(seen: Foreseen) -> dict[str, object]:
    shown: dict[str, object] = {"name": seen.rule.name, "kind": seen.rule.kind, "state": seen.state}
    if seen.error:
        shown["error"] = seen.error
    if seen.warnings:
        shown["warnings"] = list(seen.warnings)
    if seen.rule.alert:
        shown["alerts"] = [_alert_json(seen, alert) for alert in seen.alerts]
    else:
        shown["samples"] = [{"labels": dict(labels), "value": format_float(v)} for labels, v in seen.recorded]
    return shown


def _alert_json(seen: Foreseen, alert: ActiveAlert) -> dict[str, object]:
    return {
        "state": alert.state,
        "since": iso(alert.active_at),
        "or_earlier": _or_earlier(seen, alert),
        "value": format_float(alert.value),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
    }


def _or_earlier(seen: Foreseen, alert: ActiveAlert) -> bool:
    return alert.active_at <= seen.looked_from


def _show(found: Foretold) -> None:
    rules = [seen for _, group in found for seen in group]
    table(("state", "rule", "since", "value", "labels and annotations"), (row for seen in rules for row in _rows(seen)))
    for seen in rules:
        for note in (*([seen.error] if seen.error else []), *seen.warnings):
            console.print(f"{seen.rule.name}: {note}", markup=False, style="red")
    firing = sum(alert.state == "firing" for seen in rules for alert in seen.alerts)
    console.print(f"{len(rules)} rules, {firing} firing", markup=False)


def _rows(seen: Foreseen) -> Iterator[tuple[str, ...]]:
    name = escape(seen.rule.name)
    for labels, value in seen.recorded:
        yield seen.state, name, "", format_float(value), escape(str(labels.without(("__name__",))))
    for alert in seen.alerts:
        before = "≤ " if _or_earlier(seen, alert) else ""
        said = "\n".join(f"{key}: {text}" for key, text in alert.annotations.items())
        words = escape(f"{alert.labels.without(('alertname',))}\n{said}".strip())
        yield alert.state, name, f"{before}{local(alert.active_at)}", format_float(alert.value), words
    if not seen.recorded and not seen.alerts:
        yield seen.state, name, "", "", ""
