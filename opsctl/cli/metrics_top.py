"""opsctl metrics top: what takes a store's space."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from opsctl.cli.metrics_source import StorePath, stopped_store
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json
from opsctl.cli.query import Url, client_of
from opsctl.core.errors import NotFound
from opsctl.flows.metrics_usage import By, report

_UNITS = ("B", "KB", "MB", "GB", "TB")
Row = Mapping[str, Any]
Column = tuple[str, bool, Callable[[Row], str]]


class Grouping(StrEnum):
    """What a row stands for."""

    metric = "metric"
    label = "label"
    job = "job"
    target = "target"


def top(
    by: Annotated[Grouping, typer.Option("--by", help="What a row stands for.")] = Grouping.metric,
    count: Annotated[int, typer.Option("-n", "--limit", help="Rows shown.", min=1)] = 15,
    folder: StorePath = None,
    url: Url = "",
    role: AsRole = "viewer",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what eats space: series, samples and bytes on disk, and what came and went in the last hour.

    By label: those with the most values, and the metric on which they have them.

    Examples: opsctl metrics top --by target -n 5
    opsctl metrics top --by label --storage.tsdb.path var/metrics
    """
    kind: By = by.value
    if folder is not None:
        with stopped_store(folder) as store:
            found = asdict(report(store, store.weighed(), store.status(), kind, count, int(time.time() * 1000)))
    else:
        found = _asked(url, role, config, kind, count)
    if as_json:
        print_json(found)
    else:
        _show(kind, found)


def _asked(url: str, role: str, config: str | None, by: By, count: int) -> dict[str, Any]:
    try:
        data: dict[str, Any] = client_of(url, role, config).get("/api/v1/status/tsdb/usage", by=by, limit=count)["data"]
    except NotFound as error:
        hint = "it is not opsctl's: see its own /api/v1/status/tsdb"
        raise NotFound(f"the server does not say what takes its space ({error.message})", hint) from error
    return data


def _show(by: By, found: Mapping[str, Any]) -> None:
    total, rows = found["total"], found["rows"]
    console.print(
        f"序列 series {total['series']:,} · 样本 samples {_short(total['samples'])} · "
        f"块 blocks {_bytes(found['block_bytes'])} · 日志 log {_bytes(found['wal_bytes'])}\n"
        f"近一小时 last hour: +{total['new']:,} −{total['gone']:,}",
        markup=False,
    )
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    columns = _columns(by, total)
    for title, right, _ in columns:
        made.add_column(title, justify="right" if right else "left", overflow="fold" if not right else "ellipsis")
    for row in rows:
        made.add_row(*(text(row) for _, _, text in columns))
    console.print(made)


def _columns(by: By, total: Row) -> tuple[Column, ...]:
    names = {"metric": "指标 metric", "label": "标签 label", "job": "任务 job", "target": "目标 target"}
    series: Column = ("序列\nseries", True, lambda r: f"{r['series']:,}")
    churn: Column = ("近1时\n+new −gone", True, lambda r: f"+{r['new']:,} −{r['gone']:,}")
    size: Column = ("磁盘\nbytes", True, lambda r: _bytes(r["bytes"]))
    name: Column = (names[by], False, lambda r: escape(r["name"] or "—"))
    if by == "label":
        values: Column = ("取值\nvalues", True, lambda r: f"{r['values']:,}")
        return name, values, series, size, churn, ("最多的指标\nmost on", False, lambda r: escape(r["most"]))
    samples: Column = ("样本\nsamples", True, lambda r: _short(r["samples"]))
    share: Column = ("占比\nshare", True, lambda r: f"{r['bytes'] / max(1, total['bytes']):.0%}")
    return name, series, samples, size, share, churn


def _short(count: float) -> str:
    """1234567 → 1.2M."""
    for unit in ("", "k", "M", "G"):
        if count < 1000:
            return f"{count:.1f}{unit}" if unit else f"{count:.0f}"
        count /= 1000
    return f"{count:.1f}T"


def _bytes(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1024:
            return f"{count:.1f}{unit}" if unit != "B" else f"{count:.0f}B"
        count /= 1024
    return f"{count:.1f}{_UNITS[-1]}"
