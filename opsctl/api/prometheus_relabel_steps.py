"""targets/relabel_steps: what each relabelling step of a job makes of given labels."""

from __future__ import annotations

from typing import Any

import orjson

from opsctl.api.prometheus_errors import ApiError
from opsctl.api.prometheus_params import Form
from opsctl.relabel import Rule, relabel
from opsctl.scrape.config import PrometheusConfig


def relabel_steps(config: PrometheusConfig, form: Form) -> dict[str, Any]:
    """`scrapePool=JOB`, `labels={"name": "value"}`. Raises ApiError."""
    pool, labels = form.get("scrapePool"), form.get("labels")
    if not pool:
        raise ApiError("bad_data", "no scrapePool parameter provided")
    if not labels:
        raise ApiError("bad_data", "no labels parameter provided")
    current: dict[str, str] | None = _read(labels)
    job = next((job for job in config.scrape_configs if job.job_name == pool), None)
    if job is None:
        raise ApiError("bad_data", f'error retrieving scrape config: scrape pool "{pool}" not found')
    steps = []
    for rule in job.relabel_configs:
        current = relabel(current, [rule]) if current is not None else None
        steps.append({"rule": _rule(rule), "output": current or {}, "keep": current is not None})
    return {"steps": steps}


def _read(text: str) -> dict[str, str]:
    try:
        labels = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ApiError("bad_data", f"error parsing labels: {error}") from error
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ApiError("bad_data", "error parsing labels: json: cannot unmarshal into an object of strings")
    return labels


def _rule(rule: Rule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "source_labels": list(rule.source_labels), "separator": rule.separator, "regex": rule.regex,
        "modulus": rule.modulus, "target_label": rule.target_label, "replacement": rule.replacement, "action": rule.action,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value}
