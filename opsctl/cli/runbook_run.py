"""A run on the terminal: followed live by polling, or printed whole."""

from __future__ import annotations

import time
from typing import Any

from rich.markup import escape

from opsctl.cli.output import console
from opsctl.client.http import OpsClient
from opsctl.core.clock import local

API = "/api/opsctl/v1/runbook"
_POLL = 0.5
_MARKS = {
    "done": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]–[/]", "would_do": "[cyan]○[/]",
    "would_fail": "[red]✗[/]", "not_known_yet": "[yellow]?[/]", "unknown": "[red]?[/]", "in_flight": "[cyan]…[/]",
}  # fmt: skip
WAITING = {
    "awaiting_approval": "next: opsctl runbook approve {run} --as approver",
    "awaiting_person": "next: opsctl runbook resume {run} --as-done | --as-failed",
    "unknown": "next: opsctl runbook resume {run} --as-done | --as-failed | --retry",
}


def follow(client: OpsClient, run: str, quiet: bool) -> dict[str, Any]:
    """Prints each step as it ends, until the run ends or waits for somebody; the run as it is then."""
    shown: set[tuple[str, int]] = set()
    note = ""
    if not quiet:
        console.print(f"run {run}", markup=False)
    while True:
        found: dict[str, Any] = client.get(f"{API}/runs/{run}")
        if not quiet:
            _new_steps(found, shown)
            if found["note"] and found["note"] != note:
                note = found["note"]
                console.print(f"    … {escape(note)}", style="dim")
        if found["status"] != "running":
            if not quiet:
                _ending(found)
            return found
        time.sleep(_POLL)


def print_run(found: dict[str, Any]) -> None:
    """The run, every step with its inputs and output."""
    kind = " (dry run)" if found["dry_run"] else ""
    head = f"{found['id']}  {found['runbook']}{kind}  {found['status']}  {found['requester']}  {local(found['started_at'])}"
    console.print(head, markup=False, style="bold")
    for key, value in found["params"].items():
        console.print(f"  {key} = {value}", markup=False)
    for step in found["steps"]:
        _line(step)
        for key, value in step["inputs"].items():
            console.print(f"      {key}: {value}", markup=False, style="dim")
        if step["output"]:
            console.print(f"      → {step['output']}", markup=False, style="dim")
    _ending(found)


def _new_steps(found: dict[str, Any], shown: set[tuple[str, int]]) -> None:
    for step in found["steps"]:
        key = (step["name"], step.get("attempt", 0))
        if step.get("ended_at") and key not in shown:
            shown.add(key)
            _line(step)


def _line(step: dict[str, Any]) -> None:
    mark = _MARKS.get(step["status"], "[dim]·[/]")
    danger = " [red]![/]" if step["dangerous"] else ""
    title = f"{step['title']['zh']} / {step['title']['en']}"
    console.print(f"  {mark} {escape(title)}{danger}")
    if step["summary"]:
        console.print(f"      {step['summary']}", markup=False)
    if step["kind"] == "manual" and step["text"] and step["status"] == "pending":
        console.print(f"      {step['text']['zh']}\n      {step['text']['en']}", markup=False)


def _ending(found: dict[str, Any]) -> None:
    approval = found["approval"]
    if approval:
        preview = approval["plan"]["preview"]
        console.print(
            f"等待批准 / awaits approval of plan {approval['hash']} until {local(approval['expires_at'])}:",
            markup=False,
        )
        console.print(f"  {preview['zh']}\n  {preview['en']}", markup=False)
    else:
        reason = f": {found['reason']}" if found["reason"] else ""
        console.print(f"{found['status']}{reason}", markup=False)
