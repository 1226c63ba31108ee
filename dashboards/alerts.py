"""Alerts and incidents: what is wrong now, how fast it was taken and mended, week by week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboards import charts
from dashboards.api import Api, rows, seconds
from dashboards.figures import MISSING, Say, ago, clock, count, duration, local
from dashboards.parts import cards, missing, severity, title

_ORDER = {"critical": 0, "warning": 1, "info": 2}
_SHOWN = 6


@dataclass(frozen=True)
class Firing:
    """An alert as the page shows it."""

    name: str
    summary: str
    service: str
    severity: str
    since: float | None
    silenced: bool


@dataclass(frozen=True)
class Week:
    """A week's incidents; times in seconds, None where none was taken or mended."""

    start: float | None
    opened: int
    mtta: float | None
    mttr: float | None


def render(api: Api, say: Say, now: float) -> None:
    """Draws the page as of `now`."""
    title(say("告警与事件", "Alerts and incidents"), say(f"截至 {clock(now)}", f"as of {clock(now)}"))
    firing = read_alerts(api)
    weeks = read_weeks(api)
    incidents = rows(api.get("/api/opsctl/v1/incidents", limit=50), "incidents")
    _numbers(firing, weeks, incidents, say)
    left, right = st.columns([1, 1.15], gap="large")
    with left:
        st.markdown(f"##### {say('正在触发', 'Firing now')}")
        _firing(firing, say, now)
    with right:
        _weeks(weeks, say)
    st.markdown(f"##### {say('最近的事件', 'Recent incidents')}")
    _recent(incidents, say, now)


def read_alerts(api: Api) -> list[Firing] | None:
    """The active alerts, worst and newest first; the heartbeat is not one."""
    found = rows(api.get("/api/v2/alerts", active="true"))
    if found is None:
        return None
    alerts = [_alert(alert) for alert in found if alert.get("labels", {}).get("alertname") != "Watchdog"]
    return sorted(alerts, key=lambda a: (a.silenced, _ORDER.get(a.severity, 3), -(a.since or 0)))


def _alert(alert: dict[str, Any]) -> Firing:
    labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
    return Firing(
        labels.get("alertname", ""), annotations.get("summary", ""), labels.get("service", ""),
        labels.get("severity", ""), seconds(alert.get("startsAt")),
        alert.get("status", {}).get("state") == "suppressed",
    )  # fmt: skip


def read_weeks(api: Api) -> list[Week] | None:
    """Eight weeks, oldest first."""
    found = rows(api.get("/api/opsctl/v1/incidents/stats", weeks=8), "weeks")
    if found is None:
        return None
    weeks = [
        Week(seconds(row.get("start")), int(row.get("opened") or 0), row.get("mtta_seconds"), row.get("mttr_seconds"))
        for row in found
    ]  # fmt: skip
    return sorted(weeks, key=lambda week: week.start or 0)


def _numbers(
    firing: list[Firing] | None, weeks: list[Week] | None, incidents: list[dict[str, Any]] | None, say: Say
) -> None:
    loud = None if firing is None else [a for a in firing if not a.silenced]
    critical = None if loud is None else sum(a.severity == "critical" for a in loud)
    unsettled = None if incidents is None else sum(not _ended(i) for i in incidents)
    this, last = (weeks[-1] if weeks else None), (weeks[-2] if weeks and len(weeks) > 1 else None)
    cards(
        say("平均响应、修复时间为本周，箭头与上周比", "Mean times are this week's; the arrow compares with last week"),
        [
            (say("严重告警", "Critical alerts"), count(critical), None),
            (say("其他告警", "Other alerts"), count(None if loud is None else len(loud) - (critical or 0)), None),
            (say("未解决事件", "Open incidents"), count(unsettled), None),
            (
                say("平均响应 MTTA", "MTTA"),
                duration(this.mtta if this else None, say),
                _faster(this, last, "mtta", say),
            ),
            (
                say("平均修复 MTTR", "MTTR"),
                duration(this.mttr if this else None, say),
                _faster(this, last, "mttr", say),
            ),
        ],
        say,
        inverse=True,
    )


def _faster(this: Week | None, last: Week | None, which: str, say: Say) -> str | None:
    now, before = getattr(this, which, None), getattr(last, which, None)
    if now is None or before is None:
        return None
    return f"{'-' if now < before else '+'}{duration(abs(now - before), say)}"


def _firing(firing: list[Firing] | None, say: Say, now: float) -> None:
    if firing is None:
        missing(say)
        return
    if not firing:
        st.success(
            say("一切正常，没有正在触发的告警", "All is well: nothing is firing"), icon=":material/check_circle:"
        )
        return
    for alert in firing[:_SHOWN]:
        with st.container(border=True):
            muted = f" :gray-badge[{say('已静默', 'silenced')}]" if alert.silenced else ""
            st.markdown(f"{severity(alert.severity, say)}{muted} **{_half(alert.summary or alert.name, say)}**")
            st.caption(f"{alert.name} · {alert.service} · {ago(alert.since, now, say)}")
    if len(firing) > _SHOWN:
        st.caption(say(f"另有 {len(firing) - _SHOWN} 条", f"and {len(firing) - _SHOWN} more"))


def _half(text: str, say: Say) -> str:
    """Our messages are `中文 / English`; other people's are shown whole."""
    zh, slash, en = text.partition(" / ")
    return say(zh, en) if slash else text


def _weeks(weeks: list[Week] | None, say: Say) -> None:
    for column, which, colour, name in (
        (0, "mtta", charts.WARM, say("平均响应 MTTA（分钟，按周）", "MTTA (minutes, by week)")),
        (1, "mttr", charts.STRONG, say("平均修复 MTTR（分钟，按周）", "MTTR (minutes, by week)")),
    ):
        if column == 0:
            columns = st.columns(2, gap="medium")
        with columns[column]:
            st.markdown(f"##### {name}")
            found = [(local(w.start).strftime("%m-%d") if w.start else "?", getattr(w, which)) for w in weeks or []]
            if any(value is not None for _, value in found):
                st.altair_chart(charts.weekly(found, colour, say), width="stretch")
            elif weeks is None:
                missing(say)
            else:
                st.info(
                    say("8 周内没有可统计的事件", "No incident to measure in 8 weeks"),
                    icon=":material/event_available:",
                )


def _ended(incident: dict[str, Any]) -> bool:
    return incident.get("closed_at") is not None


def _recent(incidents: list[dict[str, Any]] | None, say: Say, now: float) -> None:
    if incidents is None:
        missing(say)
        return
    if not incidents:
        st.caption(say("还没有发生过事件", "No incident yet"))
        return
    newest = sorted(incidents, key=lambda i: seconds(i.get("opened_at")) or 0, reverse=True)[:8]
    st.dataframe([_row(incident, say, now) for incident in newest], hide_index=True, width="stretch")


def _row(incident: dict[str, Any], say: Say, now: float) -> dict[str, str]:
    opened = seconds(incident.get("opened_at"))
    taken, ended = seconds(incident.get("acked_at")), seconds(incident.get("closed_at"))
    state = say("已解决", "resolved") if ended else say("已响应", "acknowledged") if taken else say("未响应", "open")
    level = str(incident.get("severity", ""))
    names = {"critical": say("严重", "critical"), "warning": say("警告", "warning"), "info": say("提示", "info")}
    return {
        say("事件", "Incident"): _half(str(incident.get("title") or MISSING), say),
        say("服务", "Service"): str(incident.get("key", {}).get("service") or MISSING),
        say("级别", "Severity"): names.get(level, level or MISSING),
        say("状态", "State"): state,
        say("开始", "Opened"): clock(opened),
        say("响应用时", "Taken after"): duration(taken - opened, say) if taken and opened else MISSING,
        say("持续", "Lasted"): duration((ended or now) - opened, say) if opened else MISSING,
    }
