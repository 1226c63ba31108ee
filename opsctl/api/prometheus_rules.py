"""Prometheus' JSON of rules and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from opsctl.api.prometheus_paging import page_of, token
from opsctl.api.prometheus_params import ApiError
from opsctl.api.prometheus_state import moment_text
from opsctl.flows.ruling import GroupRun, Ruler
from opsctl.promql.number import format_float
from opsctl.rules import ActiveAlert, Rule, RuleResult

_KINDS = {"alert": "alerting", "record": "recording"}


@dataclass(frozen=True)
class _Wanted:
    """Which rules are shown, and how."""

    kind: str
    names: list[str]
    bare: bool

    def rules(self, run: GroupRun) -> list[dict[str, Any]]:
        return [
            _rule(run, rule, result, self.bare)
            for rule, result in _pairs(run)
            if (not self.kind or rule.kind == _KINDS[self.kind]) and (not self.names or rule.name in self.names)
        ]


def rules_data(ruler: Ruler, params: QueryParams) -> dict[str, Any]:
    """`type=alert|record`, `rule_name[]`, `rule_group[]`, `file[]`, `exclude_alerts`, a page. Raises ApiError."""
    kind = params.get("type", "").lower()
    if kind and kind not in _KINDS:
        raise ApiError("bad_data", f'invalid parameter "type": not supported value "{kind}"')
    names, groups, files = (params.getlist(n) for n in ("rule_name[]", "rule_group[]", "file[]"))
    wanted = _Wanted(kind, names, params.get("exclude_alerts", "").lower() == "true")
    runs = [
        run for run in ruler.runs
        if (not groups or run.group.name in groups) and (not files or run.group.file in files)
    ]  # fmt: skip
    page = page_of(params)
    filled = ((run, rules) for run in page.rest(runs) if (rules := wanted.rules(run)))
    shown: list[dict[str, Any]] = []
    for run, rules in filled:
        if page.limit and len(shown) == page.limit:
            return {"groups": shown, "groupNextToken": token(run)}
        shown.append(_group(run, rules))
    return {"groups": shown}


def _pairs(run: GroupRun) -> list[tuple[Rule, RuleResult | None]]:
    if run.result is None or len(run.result.rules) != len(run.group.rules):
        return [(rule, None) for rule in run.group.rules]
    return list(zip(run.group.rules, run.result.rules, strict=True))


def _group(run: GroupRun, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": run.group.name, "file": run.group.file, "rules": rules, "interval": _whole(run.interval),
        "limit": run.group.limit, "evaluationTime": run.seconds, "lastEvaluation": moment_text(run.at),
    }  # fmt: skip


def _rule(run: GroupRun, rule: Rule, result: RuleResult | None, bare: bool) -> dict[str, Any]:
    common: dict[str, Any] = {
        "name": rule.name, "query": rule.expr, "health": result.health if result else "unknown",
        "evaluationTime": result.seconds if result else 0, "lastEvaluation": moment_text(run.at), "type": rule.kind,
    }  # fmt: skip
    if result is not None and result.error:
        common["lastError"] = result.error
    if not rule.alert:
        return {**common, "labels": rule.labels} if rule.labels else common
    alerts = [alert_data(a) for a in result.alerts if a.state != "inactive"] if result and not bare else []
    return {
        "state": result.state if result else "inactive", **common, "duration": _whole(rule.for_),
        "keepFiringFor": _whole(rule.keep_firing_for), "labels": rule.labels, "annotations": rule.annotations,
        "alerts": alerts,
    }  # fmt: skip


def _whole(seconds: float) -> float | int:
    return int(seconds) if seconds == int(seconds) else seconds


def alerts_data(ruler: Ruler) -> dict[str, Any]:
    """What is pending or firing."""
    return {"alerts": [alert_data(alert) for alert in ruler.active()]}


def alert_data(alert: ActiveAlert) -> dict[str, Any]:
    """One alert."""
    shown = {
        "labels": dict(alert.labels), "annotations": dict(alert.annotations), "state": alert.state,
        "activeAt": moment_text(alert.active_at), "value": scientific(alert.value),
    }  # fmt: skip
    if alert.keep_firing_since:
        shown["keepFiringSince"] = moment_text(alert.keep_firing_since)
    return shown


def scientific(value: float) -> str:
    """A number as Go's 'e' format prints it: 1e+00, 2.5e-03; NaN, +Inf."""
    if value != value or value in (float("inf"), float("-inf")):
        return format_float(value)
    digits, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        digits, _, exponent = f"{value:.17e}".partition("e")
        digits = _shortest(value, int(exponent))
    return f"{digits.removesuffix('.0')}e{int(exponent):+03d}"


def _shortest(value: float, exponent: int) -> str:
    """The fewest digits that read back as the same number."""
    for count in range(17):
        text = f"{value:.{count}e}"
        if float(text) == value:
            return text.partition("e")[0]
    return f"{value:.17e}".partition("e")[0]
