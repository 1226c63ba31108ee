"""opsctl targets: what is scraped, and how it went."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.cli.query import Url, client_of
from opsctl.core.clock import iso, parse_iso
from opsctl.core.errors import OpsctlError
from opsctl.core.settings import load_settings
from opsctl.flows.target_check import Checked, check_targets
from opsctl.model.duration import human_duration
from opsctl.scrape.config import PrometheusConfig, load_config

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


@app.command("check")
def check(
    wanted: Annotated[str, typer.Argument(help="A job of prometheus.yml, or a URL.", metavar="JOB|URL")],
    config_file: Annotated[
        str, typer.Option("--config.file", help="Another prometheus.yml than that of opsctl.yml.", metavar="FILE")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", help="Most series shown of a target; 0 shows all.", min=0)] = 20,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Scrape once, here and now, and show what would be stored. Exits 1 when a target is down.

    Example: opsctl targets check http://127.0.0.1:8080/metrics
    """
    found = asyncio.run(check_targets(_configuration(wanted, config_file, config), wanted))
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            _show(one, limit)
    if any(one.error for one in found):
        raise typer.Exit(1)


def _configuration(wanted: str, config_file: str, config: str | None) -> PrometheusConfig | None:
    """None for a URL where nobody names a configuration and there is none here."""
    if config_file:
        return load_config(Path(config_file))
    try:
        settings = load_settings(config)
    except OpsctlError:
        if "://" in wanted and config is None:
            return None
        raise
    return load_config(settings.path(settings.metrics.config))


def _show(one: Checked, limit: int) -> None:
    reports, shown = one.reports, one.samples[: limit or None]
    head = f"{one.job} {one.url}"
    if one.error:
        console.print(f"{head}: down, {one.error}", markup=False)
        return
    scraped, kept = (int(reports[f"scrape_samples_{part}"]) for part in ("scraped", "post_metric_relabeling"))
    dropped = f", {scraped - kept} dropped by relabelling" if scraped > kept else ""
    took = reports["scrape_duration_seconds"] * 1000
    console.print(f"{head}: up, {took:.0f}ms, {len(one.samples)} series{dropped}", markup=False)
    for sample in shown:
        at = f" @{iso(sample.at_ms / 1000)}" if sample.at_ms else ""
        console.print(f"  {sample.series} {sample.value:.12g}{at}", markup=False, soft_wrap=True)
    if len(shown) < len(one.samples):
        console.print(f"  and {len(one.samples) - len(shown)} more (--limit 0 shows all)")


def _as_json(one: Checked) -> dict[str, Any]:
    samples = [{"labels": dict(s.series), "value": s.value, "at_ms": s.at_ms or None} for s in one.samples]
    return {"job": one.job, "url": one.url, "error": one.error, "reports": one.reports, "samples": samples}


def _row(target: dict[str, Any]) -> tuple[str, ...]:
    labels, at = target["labels"], parse_iso(target["lastScrape"])
    ago = human_duration(max(0.0, time.time() - at)) + " ago" if at > 0 else "never"
    instance = labels.get("instance", "")
    return (
        target["scrapePool"], instance, target["health"], ago, f"{target['lastScrapeDuration'] * 1000:.0f}ms",
        target["lastError"],
    )  # fmt: skip
