"""Prometheus' JSON of what the process is and does: targets, rules, alerts, metadata, status."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterable
from typing import Any

from opsctl import __version__
from opsctl.api.prometheus_options import WebOptions
from opsctl.core.clock import iso
from opsctl.flows.alertmanagers import Alertmanagers
from opsctl.flows.monitoring import Monitoring
from opsctl.model.duration import format_duration
from opsctl.scrape.manager import ScrapeManager, TargetState

_NEVER = "0001-01-01T00:00:00Z"


def moment_text(at: float) -> str:
    """A time as Prometheus' API prints it; the zero time where there is none."""
    return iso(at) if at else _NEVER


def targets_data(
    scraper: ScrapeManager, wanted: str, pool: str, jobs: Iterable[str], options: WebOptions
) -> dict[str, Any]:
    """`state=active|dropped|any`, `scrapePool=JOB`; the counts are of all `jobs`, where dropped ones are wanted."""
    active = sorted((s for s in scraper.states if pool in ("", _pool(s))), key=_pool)
    dropped = [d for d in scraper.dropped if pool in ("", d.job.job_name)]
    gone = [{"discoveredLabels": dict(d.discovered), "scrapePool": d.job.job_name} for d in dropped]
    shown = wanted in ("", "any", "dropped")
    counts = dict.fromkeys(sorted(jobs), 0) | scraper.dropped_counts
    return {
        "activeTargets": [_target(s, options) for s in active] if wanted in ("", "any", "active") else [],
        "droppedTargets": sorted(gone, key=lambda row: str(row["scrapePool"])) if shown else [],
        "droppedTargetCounts": counts if shown else None,
    }


def _pool(state: TargetState) -> str:
    return state.target.job.job_name


def _target(state: TargetState, options: WebOptions) -> dict[str, Any]:
    return {
        "discoveredLabels": dict(state.target.discovered), "labels": dict(state.target.labels),
        "scrapePool": _pool(state), "scrapeUrl": state.target.url, "globalUrl": options.global_url(state.target.url),
        "lastError": state.error, "lastScrape": moment_text(state.at), "lastScrapeDuration": state.seconds,
        "health": state.health, "scrapeInterval": format_duration(state.target.interval),
        "scrapeTimeout": format_duration(state.target.timeout),
    }  # fmt: skip


def alertmanagers_data(found: Alertmanagers) -> dict[str, Any]:
    active, dropped = ([{"url": url} for url in urls] for urls in (found.urls, found.dropped))
    return {"activeAlertmanagers": active, "droppedAlertmanagers": dropped}


def metadata_data(scraper: ScrapeManager, metric: str, limit: int, per_metric: int) -> dict[str, Any]:
    """What the targets' pages say of their metrics, each different sentence once; `limit` below 0 is none,
    `per_metric` of 0 is none too."""
    found: dict[str, list[dict[str, str]]] = {}
    for state in scraper.states:
        for name, said in state.sampler.metadata.items():
            if metric and name != metric:
                continue
            if name not in found and 0 <= limit <= len(found):
                continue
            rows = found.setdefault(name, [])
            row = {"type": said.type, "unit": said.unit, "help": said.help}
            if row not in rows and not 0 < per_metric <= len(rows):
                rows.append(row)
    return found


def version() -> str:
    """The version of Prometheus whose API this is, and ours: clients decide by the first."""
    return f"3.0.0+opsctl.{__version__}"


def build_data() -> dict[str, str]:
    return {
        "version": version(), "revision": "", "branch": "", "buildUser": "opsctl", "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
    }  # fmt: skip


def runtime_data(monitoring: Monitoring) -> dict[str, Any]:
    return {
        "startTime": iso(monitoring.started_at), "CWD": os.getcwd(), "hostname": platform.node(),
        "serverTime": iso(monitoring.now_ms() / 1000), "reloadConfigSuccess": monitoring.reload_ok,
        "lastConfigTime": moment_text(monitoring.reloaded_at), "corruptionCount": monitoring.storage.status().set_aside,
        "goroutineCount": threading.active_count(), "GOMAXPROCS": os.cpu_count() or 1, "GOMEMLIMIT": 0, "GOGC": "",
        "GODEBUG": "", "storageRetention": format_duration(monitoring.retention_seconds),
    }  # fmt: skip
