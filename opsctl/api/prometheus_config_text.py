"""status/config: prometheus.yml as it is in force, defaults filled in, secrets hidden.

Source: prometheus config/config.go Config.String, with the settings that this product has.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from opsctl.model.duration import format_duration
from opsctl.scrape.config import PrometheusConfig, ScrapeConfig

_SECRET_KEYS = frozenset(
    {"password", "credentials", "bearer_token", "client_secret", "secret_key", "token", "secrets", "key"}
)
_SECRET = "<secret>"
_USER_INFO = re.compile(r"(https?://[^/:@\s]*):[^/@\s]+@")
_RELABEL = {"separator": ";", "regex": "(.*)", "replacement": "$1", "action": "replace"}
_RELABEL_ORDER = ("source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action")
_GLOBAL_ORDER = ("scrape_interval", "scrape_timeout", "scrape_protocols", "evaluation_interval")
_PROTOCOLS = ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"]


def config_text(config: PrometheusConfig) -> str:
    """The document as YAML."""
    written = yaml.safe_load(config.text) or {}
    shown = {**written, "global": _global(config, written.get("global") or {})}
    if config.rule_files:
        shown["rule_files"] = [str(Path(config.root) / pattern) for pattern in config.rule_files]
    by_name = {job.job_name: job for job in config.scrape_configs}
    if written.get("scrape_configs"):
        shown["scrape_configs"] = [_job(by_name[job["job_name"]], job) for job in written["scrape_configs"]]
    order = ["global", "alerting", "rule_files", "scrape_config_files", "scrape_configs"]
    ordered = {key: shown[key] for key in sorted(shown, key=lambda k: order.index(k) if k in order else len(order))}
    return yaml.safe_dump(_hidden(ordered), sort_keys=False, allow_unicode=True, default_flow_style=False)


def _global(config: PrometheusConfig, written: dict[str, Any]) -> dict[str, Any]:
    common = config.global_
    interval = common.scrape_interval
    return {
        "scrape_interval": format_duration(interval),
        "scrape_timeout": format_duration(common.scrape_timeout or min(10.0, interval)),
        "scrape_protocols": _PROTOCOLS, "evaluation_interval": format_duration(common.evaluation_interval),
        **{key: value for key, value in written.items() if key not in _GLOBAL_ORDER},
    }  # fmt: skip


def _job(job: ScrapeConfig, written: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "job_name": job.job_name, "honor_timestamps": job.honor_timestamps, "track_timestamps_staleness": False,
        "scrape_interval": format_duration(job.scrape_interval), "scrape_timeout": format_duration(job.scrape_timeout),
        "scrape_protocols": _PROTOCOLS, "metrics_path": job.metrics_path, "scheme": job.scheme,
        "enable_compression": job.enable_compression, "follow_redirects": True, "enable_http2": True, **written,
    }  # fmt: skip
    return {
        **shown,
        **{key: [_rule(each) for each in written[key]] for key in shown if key.endswith("relabel_configs")},
    }


def _rule(written: dict[str, Any]) -> dict[str, Any]:
    shown = {**_RELABEL, **written}
    return {key: shown[key] for key in _RELABEL_ORDER if key in shown}


def _hidden(value: Any, key: str = "") -> Any:
    """The value without passwords and the like."""
    if isinstance(value, dict):
        return {each: _hidden(below, str(each)) for each, below in value.items()}
    if isinstance(value, list):
        return [_hidden(each, key) for each in value]
    if isinstance(value, str):
        return _SECRET if key in _SECRET_KEYS and value else _USER_INFO.sub(r"\1:xxxxx@", value)
    return value
