"""opsctl prometheus: the metrics process, with Prometheus' flags."""

from __future__ import annotations

import os
import platform
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from opsctl.api.prometheus_state import version
from opsctl.app.metrics import MetricsOptions, build_metrics
from opsctl.cli.kingpin import BadFlags, parse_flags
from opsctl.cli.prometheus_flags import (
    AGENT,
    ALL,
    LACKING,
    LACKING_FEATURES,
    NO_OP_FEATURES,
    TAKEN,
    USED,
)  # fmt: skip
from opsctl.core.errors import DocumentError, UsageError
from opsctl.core.log import Log, configure
from opsctl.core.settings import Settings, host_port, load_settings
from opsctl.core.web_config import load_web_config
from opsctl.flows.history import monitored
from opsctl.metrics.census import SeriesLimits
from opsctl.model.duration import parse_duration
from opsctl.model.size import parse_size
from opsctl.serve import serve

app = typer.Typer(add_completion=False)
LOG = Log("opsctl.cli.prometheus")
_PASSED = {"allow_extra_args": True, "ignore_unknown_options": True}
_LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}
_FIFTEEN_DAYS = 15 * 86_400.0
_GRACE = "10m"


@app.command(context_settings=_PASSED, add_help_option=False)
def run(flags: Annotated[list[str] | None, typer.Argument(help="Flags of Prometheus.")] = None) -> None:
    """Scrape, store, evaluate rules, serve /api/v1: the metrics process alone, in the foreground.

    Example: opsctl prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:9090
    """
    arguments = flags or []
    if any(word in ("-h", "--help", "--help-long", "--help-man") for word in arguments):
        print(_help())
        return
    if "--version" in arguments:
        print(f"prometheus, version {version()} (branch: , revision: )")
        return
    start(_given(arguments))


def _given(arguments: list[str]) -> dict[str, str]:
    """The flags that are given, all of them such as this product has."""
    try:
        given = parse_flags(arguments, ALL)
    except BadFlags as error:
        _end(f"Error parsing command line arguments: {error}", error.code)
    agent = [f"--{flag.name}" for flag in AGENT if flag.name in given]
    if agent:
        names = " ".join(f'"{name}"' for name in agent)
        _end(f"The following flag(s) can only be used in agent mode: [{names}]", 3)
    for lacking in LACKING:
        if given.get(lacking.flag.name, "false") not in ("false", "", "0B"):
            raise UsageError(f"--{lacking.flag.name} is a Prometheus flag that opsctl does not have", lacking.instead)
    return given


def _end(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


_EXTRA = "extra-scrape-metrics"


def start(given: Mapping[str, str]) -> None:
    """Runs the process with these flags."""
    values = {flag.name: given.get(flag.name, flag.default) for flag in USED}
    settings = _settings(values["config"] or None, needed=not values["config.file"])
    options = _placed(settings, values)
    own = settings is not None and options.storage_path == settings.home_path / "metrics"
    log_file = settings.home_path / "logs" / "metrics.json.log" if settings and own else None
    configure("opsctl-metrics", log_file, _LEVELS[values["log.level"]])
    _check(values, options.listen)
    _features(values["enable-feature"])
    web_config = Path(values["web.config.file"]) if values["web.config.file"] else None
    if web_config is not None:
        load_web_config(web_config)  # before a folder is made
    values["rules.alert.for-grace-period"] = values["rules.alert.for-grace-period"] or ("0s" if own else _GRACE)
    options = _told(options, values, settings)
    setting = "listen.metrics in opsctl.yml" if own else "--web.listen-address"
    process = build_metrics(replace(options, flags=_shown(options, values, given)))
    try:
        serve(process, options.listen, setting, "metrics", _say_ready, web_config)
    except DocumentError:
        print(f'level=ERROR msg="Error loading config (--config.file={options.config_file})"', file=sys.stderr)
        raise


def _told(options: MetricsOptions, values: Mapping[str, str], settings: Settings | None) -> MetricsOptions:
    return replace(
        options,
        external_url=values["web.external-url"] or _reached_at(options.listen, settings),
        route_prefix=values["web.route-prefix"],
        cors_origin=values["web.cors.origin"],
        page_title=values["web.page-title"],
        retention_seconds=_retention(values["storage.tsdb.retention.time"], settings),
        retention_bytes=_retention_size(values["storage.tsdb.retention.size"], settings),
        series_limits=_limits(settings),
        lifecycle=values["web.enable-lifecycle"] == "true",
        write_receiver=values["web.enable-remote-write-receiver"] == "true",
        query_timeout=parse_duration(values["query.timeout"]),
        query_concurrency=_whole(values, "query.max-concurrency"),
        query_lookback=_positive(values, "query.lookback-delta"),
        query_samples=_whole(values, "query.max-samples"),
        resend_delay=parse_duration(values["rules.alert.resend-delay"]),
        outage_tolerance=parse_duration(values["rules.alert.for-outage-tolerance"]),
        grace_period=parse_duration(values["rules.alert.for-grace-period"]),
        notification_capacity=_whole(values, "alertmanager.notification-queue-capacity"),
        extra_scrape_metrics=_EXTRA in values["enable-feature"].split(","),
        databases=monitored(settings, sys.executable) if settings else {},
        quit=lambda: signal.raise_signal(signal.SIGTERM),
    )


def _reached_at(listen: str, settings: Settings | None) -> str:
    """How others reach it when nothing is said: by this host's name, as with Prometheus; our own set-up is local."""
    host, port = host_port(listen)
    return f"http://{listen}" if settings else f"http://{platform.node() or host}:{port}"


def _shown(options: MetricsOptions, values: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """status/flags: every flag with the value in force."""
    others = {flag.name: flag.default for flag in (*TAKEN, *(lacking.flag for lacking in LACKING), *AGENT)}
    shown = {
        **others, **values, **given,
        "config.file": str(options.config_file), "storage.tsdb.path": str(options.storage_path),
        "web.listen-address": options.listen, "web.route-prefix": options.prefix or "/",
        "storage.tsdb.retention.time": values["storage.tsdb.retention.time"] or "15d",
        "storage.tsdb.retention.size": values["storage.tsdb.retention.size"] or "0B",
    }  # fmt: skip
    return {name: value for name, value in sorted(shown.items()) if name != "config"}


def _check(values: Mapping[str, str], listen: str) -> None:
    """What kingpin does not look at, in Prometheus' words."""
    url = values["web.external-url"]
    try:
        parts = urlsplit(url)
        host_port(listen)
    except ValueError as error:
        _end(f'parse external URL "{url}": {error}', 2)
    if url and (parts.scheme not in ("http", "https") or not parts.netloc):
        _end(f'parse external URL "{url}": it needs http:// or https:// and a host', 2)
    try:
        re.compile(values["web.cors.origin"])
    except re.error as error:
        _end(f'could not compile CORS regex string "{values["web.cors.origin"]}": {error}', 2)


def _features(text: str) -> None:
    """Refuses the features that are lacking; warns of those that nobody knows."""
    for name in filter(None, text.split(",")):
        if name in LACKING_FEATURES:
            raise UsageError(
                f"--enable-feature={name} is a Prometheus feature that opsctl does not have", "leave it out"
            )
        if name not in (*NO_OP_FEATURES, _EXTRA):
            print(f'level=WARN msg="Unknown option for --enable-feature" option={name}', file=sys.stderr, flush=True)
            LOG.warning("flags.unknown_feature", option=name)


def _say_ready(_: str) -> None:
    """The sentence that scripts written for Prometheus wait for."""
    print('level=INFO msg="Server is ready to receive web requests."', file=sys.stderr, flush=True)


def _settings(config: str | None, needed: bool) -> Settings | None:
    """opsctl.yml where it is named, or where the flags do not say enough."""
    return load_settings(config) if needed or config or os.environ.get("OPSCTL_CONFIG") else None


def _placed(settings: Settings | None, values: Mapping[str, str]) -> MetricsOptions:
    file, storage, listen = (values[n] for n in ("config.file", "storage.tsdb.path", "web.listen-address"))
    if settings is None:
        return MetricsOptions(
            config_file=Path(file), storage_path=Path(storage or "data"), listen=listen or "127.0.0.1:9090"
        )
    return MetricsOptions(
        config_file=Path(file) if file else settings.path(settings.metrics.config),
        storage_path=Path(storage) if storage else settings.home_path / "metrics",
        listen=listen or settings.listen.metrics,
        engine=settings.metrics.engine,
        engine_url=settings.metrics.url,
        engine_token_file=settings.path(settings.metrics.token_file) if settings.metrics.token_file else None,
    )


def _retention(text: str, settings: Settings | None) -> float:
    if text:
        return parse_duration(text)
    return settings.metrics.retention_days * 86_400.0 if settings else _FIFTEEN_DAYS


def _retention_size(text: str, settings: Settings | None) -> int:
    if text:
        return parse_size(text)
    return settings.metrics.retention_size if settings else 0


def _limits(settings: Settings | None) -> SeriesLimits:
    """Those of opsctl.yml; without it none, as Prometheus has none."""
    if settings is None:
        return SeriesLimits()
    return SeriesLimits(settings.metrics.max_series, settings.metrics.max_series_per_target)


def _positive(values: Mapping[str, str], name: str) -> float:
    seconds = parse_duration(values[name])
    if seconds <= 0:
        raise UsageError(f"--{name}: must be more than 0")
    return seconds


def _whole(values: Mapping[str, str], name: str) -> int:
    count = int(float(values[name]))
    if count < 1:
        raise UsageError(f"--{name}: must be at least 1")
    return count


def _help() -> str:
    lines = ["usage: opsctl prometheus [<flags>]", "", (run.__doc__ or "").strip(), "", "Flags:"]
    lines += [f"  --{flag.name:<42} {flag.help}{f' [{flag.default}]' if flag.default else ''}" for flag in USED]
    lines += ["", "Taken, and without effect here:", *(f"  --{flag.name}" for flag in TAKEN)]
    lines += ["", "Refused:", *(f"  --{lacking.flag.name:<42} {lacking.instead}" for lacking in LACKING)]
    return "\n".join(lines)
