"""opsctl metrics: samples out of a store, into a store, and what takes its space."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.metrics_import import import_files
from opsctl.cli.metrics_progress import share
from opsctl.cli.metrics_source import StorePath, known_of, source
from opsctl.cli.metrics_top import top
from opsctl.cli.moments import moment_of
from opsctl.cli.output import AsJson, AsRole, ConfigFile, print_json
from opsctl.cli.query import Url
from opsctl.core.errors import UsageError
from opsctl.flows.metrics_export import Exported, Wanted, export
from opsctl.metrics.openmetrics_file import publishing
from opsctl.metrics.storage import Matchers
from opsctl.promql import PromqlError, parse
from opsctl.promql.syntax import Selector

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Samples out of a store, into a store, and what takes its space."
)
app.command("import")(import_files)
app.command("top")(top)
_AHEAD_SECONDS = 600


@app.command("export")
def export_samples(
    match: Annotated[
        list[str] | None,
        typer.Option("--match", help="Only series of this selector; may be repeated.", metavar="SELECTOR"),
    ] = None,
    start: Annotated[str, typer.Option("--start", help="From this time (RFC 3339 or epoch seconds) on.")] = "",
    end: Annotated[str, typer.Option("--end", help="Up to and with this time.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file; .gz and .zst compress. None: stdout.", metavar="FILE"),
    ] = None,
    folder: StorePath = None,
    url: Url = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Write samples as OpenMetrics text: of the running product, of any Prometheus, or of a stopped store.

    The file appears when it is whole. Staleness markers have no words in OpenMetrics: they are counted and left out.
    Exits 1 when there is nothing to write.

    Examples: opsctl metrics export --match '{job="booking"}' --start 2026-11-24T00:00:00+08:00 -o booking.om.zst
    opsctl metrics export --storage.tsdb.path var/metrics | promtool tsdb create-blocks-from openmetrics /dev/stdin blocks
    """
    if as_json and output is None:
        raise UsageError("--json needs -o FILE: without it the samples go to stdout")
    wanted = Wanted(
        [_selector(text) for text in match or ()],
        _ms(start, "--start") if start else None,
        _ms(end, "--end") if end else int((time.time() + _AHEAD_SECONDS) * 1000),
    )
    if wanted.start_ms is not None and wanted.start_ms > wanted.end_ms:
        raise UsageError("--start is after --end")
    known = known_of(folder, url, role, config)
    where = publishing(output) if output else nullcontext(sys.stdout.buffer)
    with source(folder, url, role, config) as storage, where as out, share("export") as on_progress:
        done = export(storage, wanted, known, out, on_progress)
    if as_json:
        print_json(asdict(done))
    else:
        print(_sentence(done), file=sys.stderr)
    if not done.samples:
        raise typer.Exit(1)


def _sentence(done: Exported) -> str:
    left_out = f", {done.stale:,} staleness markers left out" if done.stale else ""
    return (
        f"导出 {done.samples:,} 个样本 / exported {done.samples:,} samples of {done.series:,} series "
        f"in {done.families:,} families{left_out}"
    )


def _selector(text: str) -> Matchers:
    hint = "like 'up{job=\"node\"}'"
    try:
        node = parse(text)
    except PromqlError as error:
        raise UsageError(f"--match: {error.message}", hint) from error
    if not isinstance(node, Selector):
        raise UsageError(f"--match: {text!r} is not a series selector", hint)
    return node.matchers


def _ms(text: str, flag: str) -> int:
    return round(moment_of(text, flag) * 1000)
