"""opsctl alertmanager: the alerting process in the foreground, with Alertmanager's flags."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from opsctl.app.alerting import AlertingOptions, build_alerting
from opsctl.core import log
from opsctl.core.clock import iso
from opsctl.core.errors import UsageError
from opsctl.model.duration import parse_duration
from opsctl.serve import serve

app = typer.Typer(help="The alerting process alone, with Alertmanager's flags.")

_LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}


@app.command()
def alertmanager(
    config_file: Annotated[Path, typer.Option("--config.file", help="alertmanager.yml")] = Path("alertmanager.yml"),
    storage_path: Annotated[Path, typer.Option("--storage.path", help="The state folder.")] = Path("data/"),
    listen: Annotated[
        str, typer.Option("--web.listen-address", help="HOST:PORT; port 0 takes a free one.")
    ] = "127.0.0.1:9093",
    external_url: Annotated[
        str, typer.Option("--web.external-url", help="Under which people reach it; links in messages start with it.")
    ] = "",
    route_prefix: Annotated[str, typer.Option("--web.route-prefix", help="Before every path.")] = "",
    retention: Annotated[str, typer.Option("--data.retention", help="How long logs and silences are kept.")] = "120h",
    gc_interval: Annotated[str, typer.Option("--alerts.gc-interval", help="How often old alerts are dropped.")] = "30m",
    log_level: Annotated[str, typer.Option("--log.level", help="debug, info, warn or error.")] = "info",
    oncall_file: Annotated[
        Path | None, typer.Option("--oncall.file", help="People on call; default: oncall.yml beside the config file.")
    ] = None,
) -> None:
    """Run the alerting process until SIGTERM; SIGHUP loads the documents again.

    Example: opsctl alertmanager --config.file=alertmanager.yml --storage.path=data --web.listen-address=127.0.0.1:9093
    """
    if log_level not in _LEVELS:
        raise UsageError(f"no log level {log_level!r}", f"one of: {', '.join(_LEVELS)}")
    home = os.environ.get("OPSCTL_HOME")
    log.configure("alerting", Path(home) / "logs" / "alerting.json.log" if home else None, _LEVELS[log_level])
    address = f"0.0.0.0{listen}" if listen.startswith(":") else listen
    beside = config_file.parent / "oncall.yml"
    process = build_alerting(
        AlertingOptions(
            config_file=config_file, storage=storage_path, address=address, external_url=external_url,
            route_prefix=route_prefix, oncall=oncall_file or (beside if beside.is_file() else None),
            retention=_seconds(retention), gc_interval=_seconds(gc_interval),
        )
    )  # fmt: skip

    def ready(bound: str) -> None:
        process.bound(bound)
        print(f'ts={iso(process.now())} level=info msg="Listening on" address={bound}', file=sys.stderr, flush=True)

    serve(process, address, "--web.listen-address (listen.alerting)", "alerting", ready)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
