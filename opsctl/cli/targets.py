"""opsctl targets: what is scraped, and how it went."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, print_json, table
from opsctl.cli.query import Url, client_of
from opsctl.core.clock import parse_iso
from opsctl.model.duration import human_duration

app = typer.Typer(no_args_is_help=True, help="What is scraped, and how it went.")


@app.callback()
def targets() -> None:
    """What is scraped, and how it went."""


@app.command("list")
def list_targets(
    job: Annotated[str, typer.Option("--job", help="Only this job.")] = "",
    url: Url = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List every target with its health. Exits 1 when one is down.

    Example: opsctl targets list --job booking
    """
    found = client_of(url, role, config).get("/api/v1/targets", state="active", scrapePool=job or None)["data"]
    active = found["activeTargets"]
    if as_json:
        print_json(active)
    else:
        table(("job", "instance", "health", "last scrape", "took", "error"), (_row(t) for t in active))
    if any(t["health"] == "down" for t in active):
        raise typer.Exit(1)


def _row(target: dict[str, Any]) -> tuple[str, ...]:
    labels, at = target["labels"], parse_iso(target["lastScrape"])
    ago = human_duration(max(0.0, time.time() - at)) + " ago" if at > 0 else "never"
    instance = labels.get("instance", "")
    return (
        target["scrapePool"], instance, target["health"], ago, f"{target['lastScrapeDuration'] * 1000:.0f}ms",
        target["lastError"],
    )  # fmt: skip
