"""opsctl alertmanager: the alerting process in the foreground, with Alertmanager's flags."""

from __future__ import annotations

import os
import platform
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from opsctl.alerts.matcher_text import Mode
from opsctl.alerts.names import any_name, classic_name
from opsctl.alerts.silence import SilenceRules
from opsctl.api.alertmanager import VERSION
from opsctl.app.alerting import AlertingOptions, build_alerting
from opsctl.cli.alertmanager_flags import other_flags
from opsctl.core import log
from opsctl.core.clock import iso
from opsctl.core.errors import UsageError
from opsctl.model.duration import parse_duration
from opsctl.serve import serve

app = typer.Typer(help="The alerting process alone, with Alertmanager's flags.")

_LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}
_FEATURES = frozenset({
    "classic-mode", "utf8-strict-mode", "receiver-name-in-metrics", "alert-names-in-metrics", "auto-gomemlimit",
    "auto-gomaxprocs", "group-key-in-metrics",
})  # fmt: skip


class LogFormat(StrEnum):
    """Alertmanager's names."""

    logfmt = "logfmt"
    json = "json"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"alertmanager, version {VERSION} (branch: opsctl, revision: )")
        print(f"  go version:       python{platform.python_version()}")
        print(f"  platform:         {sys.platform}/{platform.machine()}")
        raise typer.Exit


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def alertmanager(
    context: typer.Context,
    config_file: Annotated[Path, typer.Option("--config.file", help="alertmanager.yml")] = Path("alertmanager.yml"),
    storage_path: Annotated[Path, typer.Option("--storage.path", help="The state folder.")] = Path("data/"),
    listen: Annotated[
        list[str] | None, typer.Option("--web.listen-address", help="HOST:PORT; port 0 takes a free one.")
    ] = None,
    external_url: Annotated[
        str, typer.Option("--web.external-url", help="Under which people reach it; links in messages start with it.")
    ] = "",
    web_config: Annotated[str, typer.Option("--web.config.file", help="TLS, users and headers of the server.")] = "",
    route_prefix: Annotated[
        str, typer.Option("--web.route-prefix", help="Before every path; default: the path of the external URL.")
    ] = "",
    concurrency: Annotated[int, typer.Option("--web.get-concurrency", help="GETs at once; 0 is no limit.")] = 0,
    timeout: Annotated[str, typer.Option("--web.timeout", help="Longest request; 0 is no limit.")] = "0",
    retention: Annotated[str, typer.Option("--data.retention", help="How long logs and silences are kept.")] = "120h",
    maintenance: Annotated[
        str, typer.Option("--data.maintenance-interval", help="How often logs and silences that are over are dropped.")
    ] = "15m",
    gc_interval: Annotated[str, typer.Option("--alerts.gc-interval", help="How often old alerts are dropped.")] = "30m",
    start_delay: Annotated[
        str, typer.Option("--dispatch.start-delay", help="How long nothing is notified after the start.")
    ] = "0s",
    most_silences: Annotated[int, typer.Option("--silences.max-silences", help="0 is no limit.")] = 0,
    largest_silence: Annotated[int, typer.Option("--silences.max-silence-size-bytes", help="0 is no limit.")] = 0,
    features: Annotated[str, typer.Option("--enable-feature", help="Comma-separated, e.g. classic-mode.")] = "",
    log_level: Annotated[str, typer.Option("--log.level", help="debug, info, warn or error.")] = "info",
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="json is ECS JSON, as under opsctl up.")
    ] = LogFormat.logfmt,
    oncall_file: Annotated[
        Path | None, typer.Option("--oncall.file", help="People on call; default: oncall.yml beside the config file.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Run the alerting process until SIGTERM; SIGHUP loads the documents again. All flags of Alertmanager are known.

    Example: opsctl alertmanager --config.file=alertmanager.yml --storage.path=data --web.listen-address=127.0.0.1:9093
    """
    if log_level not in _LEVELS:
        raise UsageError(f"no log level {log_level!r}", f"one of: {', '.join(_LEVELS)}")
    cluster = other_flags(context.args)
    home = os.environ.get("OPSCTL_HOME")
    file, logfmt = Path(home) / "logs" / "alerting.json.log" if home else None, log_format is LogFormat.logfmt
    log.configure("alerting", file, _LEVELS[log_level], logfmt and file is None)
    address, beside, mode = _address(listen), config_file.parent / "oncall.yml", _mode(features)
    process = build_alerting(
        AlertingOptions(
            config_file=config_file, storage=storage_path, address=address, external_url=external_url,
            route_prefix=route_prefix, oncall=oncall_file or (beside if beside.is_file() else None),
            retention=_seconds(retention), gc_interval=_seconds(gc_interval), maintenance=_seconds(maintenance),
            start_delay=_seconds(start_delay), timeout=_seconds(timeout), concurrency=max(0, concurrency),
            silences=SilenceRules(classic_name if mode == "classic" else any_name, most_silences, largest_silence),
            matchers=mode,
            cluster=cluster,
        )
    )  # fmt: skip

    def ready(bound: str) -> None:
        process.bound(bound)
        print(_listening(iso(process.now()), bound, logfmt), file=sys.stderr, flush=True)

    serve(
        process,
        address,
        "--web.listen-address (listen.alerting)",
        "alerting",
        ready,
        Path(web_config) if web_config else None,
    )


def _listening(at: str, bound: str, logfmt: bool) -> str:
    """The line that scripts written for Alertmanager wait for."""
    if logfmt:
        return f'time={at} level=INFO source=opsctl msg="Listening on" address={bound}'
    return orjson.dumps(
        {"time": at, "level": "INFO", "source": "opsctl", "msg": "Listening on", "address": bound}
    ).decode()


def _address(given: list[str] | None) -> str:
    listen = (given or ["127.0.0.1:9093"])[0]
    if given and len(given) > 1:
        raise UsageError("--web.listen-address stands here more than once", "one address; 0.0.0.0 takes all")
    return f"0.0.0.0{listen}" if listen.startswith(":") else listen


def _mode(text: str) -> Mode:
    """How matchers are read, of all the features that there are."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    for each in found:
        if each not in _FEATURES:
            raise UsageError(f"Unknown option '{each}' for --enable-feature", f"one of: {', '.join(sorted(_FEATURES))}")
    if {"classic-mode", "utf8-strict-mode"} <= set(found):
        raise UsageError("classic-mode and utf8-strict-mode exclude each other")
    return "classic" if "classic-mode" in found else "utf8" if "utf8-strict-mode" in found else "fallback"


def _seconds(text: str) -> float:
    try:
        return max(0.0, parse_duration(text.removeprefix("-")) * (-1 if text.startswith("-") else 1))
    except ValueError as error:
        raise UsageError(str(error)) from error
