"""opsctl prometheus: the metrics process, with Prometheus' flags."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from opsctl.app.metrics import MetricsOptions, build_metrics
from opsctl.core.errors import UsageError
from opsctl.core.log import configure
from opsctl.core.settings import Settings, load_settings
from opsctl.flows.history import monitored
from opsctl.metrics.census import SeriesLimits
from opsctl.model.duration import parse_duration
from opsctl.model.size import parse_size
from opsctl.promql.scope import MAX_SAMPLES
from opsctl.serve import serve

app = typer.Typer(add_completion=False)


class LogLevel(StrEnum):
    """Prometheus' names."""

    debug = "debug"
    info = "info"
    warn = "warn"
    error = "error"


class LogFormat(StrEnum):
    """Prometheus' names."""

    logfmt = "logfmt"
    json = "json"


_LEVELS = {LogLevel.debug: "DEBUG", LogLevel.info: "INFO", LogLevel.warn: "WARNING", LogLevel.error: "ERROR"}
_LACKING = {
    "--web.enable-admin-api": "stop the process to take its folder away or to copy it",
}


def _refuse(parameter: typer.CallbackParam, value: Any) -> Any:
    """A flag of Prometheus that would promise what does not happen."""
    if value:
        flag = parameter.opts[0]
        raise UsageError(f"{flag} is a Prometheus flag that opsctl does not have", _LACKING[flag])
    return value


RefusedSwitch = Annotated[bool, typer.Option("--web.enable-admin-api", hidden=True, callback=_refuse)]


@app.command()
def run(
    config_file: Annotated[str, typer.Option("--config.file", help="prometheus.yml.", metavar="FILE")] = "",
    storage: Annotated[str, typer.Option("--storage.tsdb.path", help="The store's folder.", metavar="DIR")] = "",
    listen: Annotated[str, typer.Option("--web.listen-address", help="HOST:PORT.", metavar="ADDRESS")] = "",
    retention: Annotated[
        str, typer.Option("--storage.tsdb.retention.time", help="How long samples are kept.", metavar="DURATION")
    ] = "",
    retention_size: Annotated[
        str, typer.Option("--storage.tsdb.retention.size", help="How much room blocks may take.", metavar="SIZE")
    ] = "",
    external_url: Annotated[str, typer.Option("--web.external-url", help="How others reach it.", metavar="URL")] = "",
    lifecycle: Annotated[bool, typer.Option("--web.enable-lifecycle", help="Open POST /-/reload.")] = False,
    write_receiver: Annotated[
        bool, typer.Option("--web.enable-remote-write-receiver", help="Open POST /api/v1/write.")
    ] = False,
    timeout: Annotated[str, typer.Option("--query.timeout", help="Longest query.", metavar="DURATION")] = "2m",
    concurrency: Annotated[int, typer.Option("--query.max-concurrency", help="Queries at once.", min=1)] = 4,
    max_samples: Annotated[
        int, typer.Option("--query.max-samples", help="Most samples that a query may hold at once.", min=1)
    ] = MAX_SAMPLES,
    lookback: Annotated[
        str, typer.Option("--query.lookback-delta", help="How far back a value counts.", metavar="DURATION")
    ] = "5m",
    resend: Annotated[
        str, typer.Option("--rules.alert.resend-delay", help="Least time between sendings.", metavar="DURATION")
    ] = "1m",
    tolerance: Annotated[
        str,
        typer.Option(
            "--rules.alert.for-outage-tolerance", help="Longest outage that alerts outlive.", metavar="DURATION"
        ),
    ] = "1h",
    grace: Annotated[
        str,
        typer.Option(
            "--rules.alert.for-grace-period", help="What pending alerts wait after a restart.", metavar="DURATION"
        ),
    ] = "0s",
    log_level: Annotated[LogLevel, typer.Option("--log.level", help="What is logged.")] = LogLevel.info,
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="Taken for its name's sake: logs are ECS JSON.")
    ] = LogFormat.json,
    admin_api: RefusedSwitch = False,
    config: Annotated[
        str | None, typer.Option("--config", help="opsctl.yml, for defaults and databases.", metavar="FILE")
    ] = None,
) -> None:
    """Scrape, store, evaluate rules, serve /api/v1: the metrics process alone, in the foreground.

    Example: opsctl prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:9090
    """
    settings = _settings(config, needed=not config_file)
    options = _options(settings, config_file, storage, listen)
    own = settings is not None and options.storage_path == settings.home_path / "metrics"
    log_file = settings.home_path / "logs" / "metrics.json.log" if settings and own else None
    configure("opsctl-metrics", log_file, _LEVELS[log_level])
    options = replace(
        options,
        external_url=external_url or f"http://{options.listen}",
        retention_seconds=_retention(retention, settings),
        retention_bytes=_retention_size(retention_size, settings),
        series_limits=_limits(settings),
        lifecycle=lifecycle,
        write_receiver=write_receiver,
        query_timeout=_duration(timeout, "--query.timeout"),
        query_concurrency=concurrency,
        query_lookback=_positive(lookback, "--query.lookback-delta"),
        query_samples=max_samples,
        resend_delay=_duration(resend, "--rules.alert.resend-delay"),
        outage_tolerance=_duration(tolerance, "--rules.alert.for-outage-tolerance"),
        grace_period=_duration(grace, "--rules.alert.for-grace-period"),
        databases=monitored(settings, sys.executable) if settings else {},
        flags={
            "config.file": str(options.config_file), "storage.tsdb.path": str(options.storage_path),
            "storage.tsdb.retention.time": retention, "storage.tsdb.retention.size": retention_size,
            "web.listen-address": options.listen,
            "web.external-url": external_url, "web.enable-lifecycle": str(lifecycle).lower(),
            "web.enable-remote-write-receiver": str(write_receiver).lower(),
            "query.timeout": timeout, "query.max-concurrency": str(concurrency),
            "query.max-samples": str(max_samples), "query.lookback-delta": lookback,
            "rules.alert.resend-delay": resend, "rules.alert.for-outage-tolerance": tolerance,
            "rules.alert.for-grace-period": grace, "log.level": log_level.value, "log.format": log_format.value,
        },
    )  # fmt: skip
    serve(
        build_metrics(options),
        options.listen,
        "listen.metrics in opsctl.yml" if own else "--web.listen-address",
        "metrics",
        _say_ready,
    )


def _say_ready(_: str) -> None:
    """The sentence that scripts written for Prometheus wait for."""
    print('level=INFO msg="Server is ready to receive web requests."', file=sys.stderr, flush=True)


def _settings(config: str | None, needed: bool) -> Settings | None:
    """opsctl.yml where it is named, or where the flags do not say enough."""
    return load_settings(config) if needed or config or os.environ.get("OPSCTL_CONFIG") else None


def _options(settings: Settings | None, config_file: str, storage: str, listen: str) -> MetricsOptions:
    if settings is None:
        return MetricsOptions(
            config_file=Path(config_file), storage_path=Path(storage or "data"), listen=listen or "127.0.0.1:9090"
        )
    return MetricsOptions(
        config_file=Path(config_file) if config_file else settings.path(settings.metrics.config),
        storage_path=Path(storage) if storage else settings.home_path / "metrics",
        listen=listen or settings.listen.metrics,
        engine=settings.metrics.engine,
        engine_url=settings.metrics.url,
        engine_token_file=settings.path(settings.metrics.token_file) if settings.metrics.token_file else None,
    )


def _retention(text: str, settings: Settings | None) -> float:
    if text:
        return _duration(text, "--storage.tsdb.retention.time")
    return settings.metrics.retention_days * 86_400.0 if settings else 15 * 86_400.0


def _retention_size(text: str, settings: Settings | None) -> int:
    if not text:
        return settings.metrics.retention_size if settings else 0
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"--storage.tsdb.retention.size: {error}") from error


def _limits(settings: Settings | None) -> SeriesLimits:
    """Those of opsctl.yml; without it none, as Prometheus has none."""
    if settings is None:
        return SeriesLimits()
    return SeriesLimits(settings.metrics.max_series, settings.metrics.max_series_per_target)


def _positive(text: str, flag: str) -> float:
    seconds = _duration(text, flag)
    if seconds <= 0:
        raise UsageError(f"{flag}: must be more than 0")
    return seconds


def _duration(text: str, flag: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from error
