"""Prometheus' JSON of rules and alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.api.prometheus_errors import bad
from opsctl.api.prometheus_paging import page_of, token
from opsctl.api.prometheus_params import Form, truth_of
from opsctl.api.prometheus_printing import on_one_line
from opsctl.api.prometheus_selectors import selectors_of
from opsctl.api.prometheus_state import moment_text
from opsctl.flows.ruling import GroupRun, Ruler
from opsctl.model.labels import quote
from opsctl.model.matcher import Matcher, matches_all
from opsctl.promql.number import format_float
from opsctl.rules import ActiveAlert, Rule, RuleResult

_KINDS = {"alert": "alerting", "record": "recording"}


@dataclass(frozen=True)
class _Wanted:
    """Which rules are shown, and how. `sets`: at least one of these, if any, has to fit a rule's own labels."""

    kind: str
    names: list[str]
    groups: list[str]
    files: list[str]
    sets: list[Sequence[Matcher]]
    bare: bool

    def rules(self, run: GroupRun) -> list[dict[str, Any]]:
        if not _among(run.group.name, self.groups) or not _among(run.group.file, self.files):
            return []
        return [_rule(run, rule, result, self.bare) for rule, result in _pairs(run) if self._fits(rule)]

    def _fits(self, rule: Rule) -> bool:
        labelled = not self.sets or any(matches_all(matchers, rule.labels) for matchers in self.sets)
        return labelled and self.kind in ("", rule.kind) and _among(rule.name, self.names)


def _among(name: str, wanted: list[str]) -> bool:
    return not wanted or name in wanted


def _wanted(form: Form) -> _Wanted:
    sets, kind = selectors_of(form.getlist("match[]")), form.get("type").lower()
    if kind and kind not in _KINDS:
        raise bad("type", f"not supported value {quote(kind)}")
    names, groups, files = (form.getlist(n) for n in ("rule_name[]", "rule_group[]", "file[]"))
    return _Wanted(_KINDS.get(kind, ""), names, groups, files, sets, truth_of(form, "exclude_alerts"))


def rules_data(ruler: Ruler, form: Form) -> dict[str, Any]:
    """`type=alert|record`, `rule_name[]`, `rule_group[]`, `file[]`, `match[]`, `exclude_alerts`, a page. Raises ApiError."""
    wanted, page = _wanted(form), page_of(form)
    filled = ((run, rules) for run in page.rest(ruler.runs) if (rules := wanted.rules(run)))
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
        "name": rule.name, "query": on_one_line(rule.expr), "health": result.health if result else "unknown",
        "evaluationTime": result.seconds if result else 0, "lastEvaluation": moment_text(run.at), "type": rule.kind,
    }  # fmt: skip
    if result is not None and result.error:
        common["lastError"] = result.error
    if not rule.alert:
        return {**common, "labels": rule.labels}
    alerts = [alert_data(a) for a in result.alerts if a.state != "inactive"] if result else []
    return {
        "state": result.state if result else "inactive", **common, "duration": _whole(rule.for_),
        "keepFiringFor": _whole(rule.keep_firing_for), "labels": rule.labels, "annotations": rule.annotations,
        "alerts": None if bare else alerts,
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
