"""opsctl backup: run, list, verify, restore, drill on a repository (--repo), or through the ops API by backup.yml."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from backup.catalog import Listing
from backup.checks import Checks, checked
from backup.drill import drill as prove
from backup.errors import WrongUse
from backup.repository import Repository, open_repository
from backup.restore import restore as put_back
from backup.retention import plan_retention, prune
from backup.run import back_up
from backup.source import parse_source
from backup.verify import verify as check_all
from backup.workspace import Workspace
from opsctl.cli.backup_jobs import follow, progress
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.client.http import connect
from opsctl.core.clock import iso, local
from opsctl.core.document import load
from opsctl.core.settings import load_settings
from opsctl.model.duration import human_duration

app = typer.Typer(no_args_is_help=True, help="Back up, list, verify, restore, drill.")

_API = "/api/opsctl/v1/backup"
Repo = Annotated[
    str, typer.Option("--repo", help="Work on this repository folder, without the ops process.", metavar="DIR")
]
SourceName = Annotated[
    str, typer.Option("--source", help="sqlite:PATH or dir:PATH with --repo, else a database of backup.yml.")
]


@app.command()
def run(
    source: SourceName = "",
    repo: Repo = "",
    objects: Annotated[str, typer.Option(help="The database's object folder.", metavar="DIR")] = "",
    exclude: Annotated[
        list[str] | None, typer.Option(help="Glob inside the folder to leave out; may be repeated.")
    ] = None,
    keep_last: Annotated[int, typer.Option(help="Then keep only the newest N of this source; 0 keeps all.")] = 0,
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a full backup: database and objects as one instant.

    Example: opsctl backup run --source sqlite:var/booking/platform.db --objects var/booking/objects --repo /srv/backups
    """
    if not repo:
        _through_api("run", source, config, role, as_json)
        return
    if not source:
        raise WrongUse("--repo needs --source", "e.g. --source sqlite:PATH")
    wanted = parse_source(source, objects, exclude=tuple(exclude or ()))
    repository = open_repository(repo, create=True)
    with progress(quiet=as_json) as on_progress:
        done = back_up(wanted, repository, _workspace(repository), time.time, on_progress)
    kept = plan_retention(repository.catalog.read().of(wanted.name), keep_last) if keep_last else ()
    pruned = prune(repository, kept)
    _show_run({"snapshot": dataclasses.asdict(done.snapshot), "reclaimed": done.reclaimed,
               "retention": dataclasses.asdict(pruned)}, as_json)  # fmt: skip


@app.command("list")
def list_snapshots(
    repo: Repo = "",
    source: SourceName = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the snapshots, oldest first. Exits 1 when a catalog entry is damaged.

    Example: opsctl backup list --repo /srv/backups --json
    """
    if repo:
        listing = open_repository(repo).catalog.read()
        found, damaged = [dataclasses.asdict(s) for s in listing.snapshots], _damaged(listing)
    else:
        client = connect(load_settings(config), role)
        found, damaged = client.get(f"{_API}/snapshots"), client.get(f"{_API}/status")["damaged"]
    rows = [s for s in found if source in ("", s["source"])]
    if as_json:
        print_json([{**s, "time": iso(s["time"]), "finished": iso(s["finished"])} for s in rows])
    else:
        table(("id", "kind", "source", "time", "size", "stored"),
              [(s["id"], s["kind"], _short(s["source"]), local(s["time"]), _mib(s["bytes"]), _mib(s["stored"])) for s in rows])  # fmt: skip
    _exit_damaged([f"catalog entry {key} is damaged" for key in damaged])


@app.command()
def verify(repo: Repo = "", role: AsRole = "operator", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Read and check every byte of the repository. Exits 1 when anything is damaged.

    Example: opsctl backup verify --repo /srv/backups
    """
    if repo:
        with progress(quiet=as_json) as on_progress:
            result: dict[str, Any] = dataclasses.asdict(check_all(open_repository(repo), on_progress))
    else:
        result = follow(connect(load_settings(config), role), _API, "verify", "", as_json)[0]
    if as_json:
        print_json({**result, "ok": not result["damage"]})
    else:
        console.print(f"{result['snapshots']} snapshots, {result['chunks']} chunks, {_mib(result['bytes'])} read")
    _exit_damaged(
        [f"{d['what']}; needed by: {', '.join(d['snapshots']) or 'no snapshot'}" for d in result["damage"]], as_json
    )


@app.command()
def restore(
    snapshot: Annotated[str, typer.Argument(help="An id of `list`, or latest.")],
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.", metavar="DIR")],
    repo: Repo = "",
    source: SourceName = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a snapshot into an empty folder, every byte checked. Without --repo: the repository of backup.yml.

    Example: opsctl backup restore latest --to /tmp/look
    """
    folder = repo or connect(load_settings(config), role).get(f"{_API}/status")["repository"]
    repository = open_repository(folder)
    found = repository.catalog.find(snapshot, source)
    with progress(quiet=as_json) as on_progress:
        target = put_back(repository, found, to, on_progress)
    if as_json:
        print_json(
            {
                "snapshot": found.id,
                "source": found.source,
                "to": str(target),
                "files": found.files,
                "bytes": found.bytes,
            }
        )
    else:
        console.print(f"restored {found.id} ({found.files} files, {_mib(found.bytes)}) into {target}", soft_wrap=True)


@app.command()
def drill(
    source: SourceName = "",
    repo: Repo = "",
    checks: Annotated[str, typer.Option(help="A file of business checks.", metavar="FILE")] = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove the newest backup: restore into scratch, run the business checks, measure RPO and RTO. Exits 1 when it fails.

    Example: opsctl backup drill
    """
    if repo:
        repository = open_repository(repo)
        wanted = checked(load(Path(checks), Checks)) if checks else ()
        with progress(quiet=as_json) as on_progress:
            results = [
                dataclasses.asdict(prove(repository, _workspace(repository), wanted, time.time, source, on_progress))
            ]
    else:
        results = follow(connect(load_settings(config), role), _API, "drill", source, as_json)
    if as_json:
        print_json(results[0] if len(results) == 1 else results)
    for result in () if as_json else results:
        _show_drill(result)
    if not all(r["ok"] for r in results):
        raise typer.Exit(1)


@app.command()
def status(role: AsRole = "viewer", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Each source of backup.yml: newest backup, newest proof, RPO, RTO. Exits 1 when one was never proven.

    Example: opsctl backup status
    """
    found = connect(load_settings(config), role).get(f"{_API}/status")
    now = time.time()
    if as_json:
        print_json(found)
    else:
        table(("source", "snapshots", "last backup", "last drill", "last proof", "RPO", "RTO"),
              [(s["source"], s["snapshots"], _ago(s["last_success"], now), _verdict(s, now), _ago(s["last_proven"], now),
                _span(s["rpo_seconds"]), _span(s["rto_seconds"])) for s in found["sources"]])  # fmt: skip
        console.print(f"repository {found['repository']}", soft_wrap=True)
    if found["damaged"] or any(s["last_proven"] is None for s in found["sources"]):
        raise typer.Exit(1)


def _through_api(verb: str, source: str, config: str | None, role: str, as_json: bool) -> None:
    results = follow(connect(load_settings(config), role), _API, verb, source, as_json)
    if as_json:
        print_json(results[0] if len(results) == 1 else results)
        return
    for result in results:
        _show_run(result, False)


def _show_run(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    made, pruned = result["snapshot"], result["retention"]
    console.print(f"backed up {made['source']} as {made['id']}: {made['files']} files, {_mib(made['bytes'])}, "
                  f"{_mib(made['stored'])} new", soft_wrap=True)  # fmt: skip
    gone = [d for d in pruned["decisions"] if not d["keep"]]
    if pruned["postponed"]:
        console.print(f"nothing deleted: {pruned['postponed']}")
    elif gone:
        console.print(f"deleted {len(gone)} ({gone[0]['reason']}), {_mib(pruned['freed'])} freed")


def _show_drill(result: dict[str, Any]) -> None:
    verdict = "[green]通过 / proven[/]" if result["ok"] else "[red]未通过 / FAILED[/]"
    console.print(f"{verdict}  {result['source']}  snapshot {result['snapshot']}")
    table(("", "check", "found"), [("✔" if c["ok"] else "✘", c["name"], c["message"]) for c in result["checks"]])
    if not result["ok"] and not result["checks"]:
        console.print(result["reason"])
    console.print(
        f"RPO {_span(result['rpo_seconds'])}  RTO {result['rto_seconds']:.2f}s  report drills/{result['id']}.md"
    )


def _workspace(repository: Repository) -> Workspace:
    return Workspace(Path(repository.name) / "scratch")


def _damaged(listing: Listing) -> list[str]:
    return list(listing.damaged)


def _exit_damaged(lines: list[str], quiet: bool = False) -> None:
    for line in lines:
        typer.echo(f"opsctl: {line}", err=True)
    if lines:
        raise typer.Exit(1)


def _short(source: str) -> str:
    return source if len(source) <= 14 else f"…{source[-13:]}"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size} B"


def _span(seconds: float | None) -> str:
    return "—" if seconds is None else human_duration(seconds)


def _ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{human_duration(max(0.0, now - at))} ago"


def _verdict(state: dict[str, Any], now: float) -> str:
    if state["last_drill"] is None:
        return "never"
    return f"{'ok' if state['last_drill_ok'] else 'FAILED'}, {_ago(state['last_drill'], now)}"
