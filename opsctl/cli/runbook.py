"""opsctl runbook: list, check, show, run, status, approve, resume, stop, undo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.cli.runbook_run import API, WAITING, follow, print_run
from opsctl.client.http import connect
from opsctl.core.clock import local
from opsctl.core.errors import UsageError
from opsctl.core.settings import load_settings
from opsctl.runbook.library import load_files, runbook_files

app = typer.Typer(no_args_is_help=True, help="Check, show, run, approve, resume runbooks.")

RunId = Annotated[str, typer.Argument(help="The run's id; see: opsctl runbook status.", metavar="RUN")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not follow the run.")]


@app.command("list")
def list_books(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the runbooks and the alerts that call them.

    Example: opsctl runbook list
    """
    books = connect(load_settings(config), role).get(f"{API}/books")
    if as_json:
        print_json(books)
        return
    rows = [(b["name"], b["title"]["zh"], ", ".join(b["alerts"]), b["steps"], b["dangerous"]) for b in books]
    table(("RUNBOOK", "TITLE", "ALERTS", "STEPS", "DANGEROUS"), rows)


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; default: documents.runbooks of opsctl.yml.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check runbook files alone, without a server; name each mistake with file and line.

    Example: opsctl runbook check runbooks/
    """
    found = [f for path in (files or [_folder(config)]) for f in (runbook_files(path) if path.is_dir() else [path])]
    if not found:
        raise UsageError("no runbooks there", "a runbook is a *.yml file")
    books = load_files(found)
    if as_json:
        print_json({"ok": True, "runbooks": list(books)})
        return
    for name, (book, _) in books.items():
        typer.echo(f"ok  {name}  {len(book.steps)} steps")


def _folder(config: str | None) -> Path:
    settings = load_settings(config)
    if not settings.documents.runbooks:
        raise UsageError("no folder of runbooks is set", "documents.runbooks in opsctl.yml, or name files")
    return settings.path(settings.documents.runbooks)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RUNBOOK")],
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a runbook: its parameters and steps.

    Example: opsctl runbook show payment-outage
    """
    book = connect(load_settings(config), role).get(f"{API}/books/{name}")
    if as_json:
        print_json(book)
        return
    console.print(f"[bold]{book['name']}[/]  {book['title']['zh']} / {book['title']['en']}")
    console.print(f"{book['description']['zh']}\n{book['description']['en']}", markup=False)
    for key, parameter in book["parameters"].items():
        source = f"label {parameter['label']}" if parameter.get("label") else f"default {parameter.get('default')}"
        console.print(f"  --param {key}=…  {parameter['type']}, {source}", markup=False)
    rows = [
        (
            n,
            s["id"],
            s["kind"] + (" !" if s["dangerous"] else ""),
            s.get("action", ""),
            s["title"]["zh"],
            s.get("when", ""),
        )
        for n, s in enumerate(book["steps"], 1)
    ]
    table(("", "STEP", "KIND", "ACTION", "TITLE", "WHEN"), rows)
    console.print("! needs the approval of somebody else", style="dim")


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="RUNBOOK")],
    alert: Annotated[str, typer.Option("--alert", help="Take parameters from this alert.", metavar="FINGERPRINT")] = "",
    param: Annotated[list[str] | None, typer.Option("--param", help="KEY=VALUE; may be repeated.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what each step would do; change nothing.")] = False,
    no_wait: NoWait = False,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run a runbook and follow it until it ends or waits for somebody. Exits 1 when it fails.

    Example: opsctl runbook run payment-outage --dry-run
    """
    client = connect(load_settings(config), role)
    body = {"runbook": name, "fingerprint": alert, "params": _params(param or []), "dry_run": dry_run}
    _followed(client, client.post(f"{API}/runs", body), no_wait, as_json)


def _params(given: list[str]) -> dict[str, str]:
    pairs = [p.partition("=") for p in given]
    for pair, text in zip(pairs, given, strict=True):
        if not pair[1] or not pair[0]:
            raise UsageError(f"--param {text!r} is not KEY=VALUE")
    return {key: value for key, _, value in pairs}


@app.command()
def status(
    run: Annotated[str, typer.Argument(metavar="[RUN]")] = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a run with every step's output; without RUN, list the latest runs.

    Example: opsctl runbook status
    """
    client = connect(load_settings(config), role)
    if run:
        found = client.get(f"{API}/runs/{run}")
        print_json(found) if as_json else print_run(found)
        return
    runs = client.get(f"{API}/runs")
    if as_json:
        print_json(runs)
        return
    rows = [
        (
            r["id"],
            local(r["started_at"], "%m-%d %H:%M"),
            r["status"],
            r["runbook"] + (" (dry run)" if r["dry_run"] else ""),
        )
        for r in runs
    ]
    table(("RUN", "STARTED", "STATUS", "RUNBOOK"), rows)


@app.command()
def approve(
    run: RunId,
    plan: Annotated[str, typer.Option("--plan", help="The hash of the plan you have seen; asks when left out.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    role: AsRole = "approver",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Look at what a run would do next, and approve it. Somebody else than the requester has to.

    Example: opsctl runbook approve 1123-101500-a1b2 --as approver
    """
    client = connect(load_settings(config), role)
    found = client.get(f"{API}/runs/{run}")
    if found["approval"] and not as_json:
        print_run(found)
    if not (plan or yes or not found["approval"]):
        typer.confirm(f"批准计划 {found['plan_hash']}? / Approve this plan?", abort=True)
    # without a request for approval the server says what the run is doing instead
    body = {"hash": plan or found["plan_hash"]}
    _followed(client, client.post(f"{API}/runs/{run}/approve", body), no_wait, as_json)


@app.command()
def resume(
    run: RunId,
    as_done: Annotated[bool, typer.Option("--as-done", help="The waiting step was done.")] = False,
    as_failed: Annotated[bool, typer.Option("--as-failed", help="The waiting step failed.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Do the waiting or failed step again.")] = False,
    no_wait: NoWait = False,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that waits: say what became of its step, ask for approval again, or lift a stop.

    Example: opsctl runbook resume 1123-101500-a1b2 --as-done
    """
    answers = [a for a, given in (("as-done", as_done), ("as-failed", as_failed), ("retry", retry)) if given]
    if len(answers) > 1:
        raise UsageError("only one of --as-done, --as-failed and --retry")
    client = connect(load_settings(config), role)
    body = {"answer": answers[0] if answers else None}
    _followed(client, client.post(f"{API}/runs/{run}/resume", body), no_wait, as_json)


@app.command()
def stop(run: RunId, role: AsRole = "operator", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Stop a run before its next step.

    Example: opsctl runbook stop 1123-101500-a1b2
    """
    found = connect(load_settings(config), role).post(f"{API}/runs/{run}/stop")
    print_json(found) if as_json else print_run(found)


@app.command()
def undo(
    run: RunId, no_wait: NoWait = False, role: AsRole = "operator", config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Take back what an ended run did, last step first; a new run that needs approvals of its own.

    Example: opsctl runbook undo 1123-101500-a1b2
    """
    client = connect(load_settings(config), role)
    _followed(client, client.post(f"{API}/runs/{run}/undo"), no_wait, as_json)


def _followed(client: Any, found: dict[str, Any], no_wait: bool, as_json: bool) -> None:
    if not no_wait:
        found = follow(client, found["id"], quiet=as_json)
    if as_json:
        print_json(found)
    elif no_wait:
        console.print(f"run {found['id']}: {found['status']}", markup=False)
    if found["status"] in ("failed", "stopped", "unknown"):
        raise typer.Exit(1)
    if found["status"] in WAITING and not as_json:
        console.print(WAITING[found["status"]].format(run=found["id"]), markup=False)
