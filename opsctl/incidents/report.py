"""An incident's report: what it is made of, and as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.core.clock import local
from opsctl.incidents.chart import Line
from opsctl.incidents.incident import Incident, Moment
from opsctl.model.duration import human_duration
from opsctl.model.logline import LogLine


@dataclass(frozen=True)
class Material:
    """Everything a report shows. `runs`: the runbook's runs for its alerts; `missing`: what could not be had, and why."""

    incident: Incident
    timeline: tuple[Moment, ...]
    lines: tuple[Line, ...]
    start: float
    end: float
    logs: tuple[LogLine, ...]
    runs: tuple[Mapping[str, Any], ...]
    made_at: float
    missing: tuple[str, ...] = ()


def facts(material: Material) -> list[tuple[str, str]]:
    """The head of a report: names and values, in order."""
    incident = material.incident
    state = f"已关闭 / closed {local(incident.closed_at)}" if incident.closed_at else "进行中 / open"
    acked = f"{incident.acked_by}，{local(incident.acked_at)}" if incident.acked_at else "无人认领 / nobody"
    return [
        ("严重程度 / Severity", incident.severity),
        ("对象 / Key", ", ".join(f"{k}={v}" for k, v in incident.key.items())),
        ("开始 / Began", local(incident.opened_at)),
        ("状态 / State", state),
        ("认领 / Acknowledged", acked),
        ("认领用时 / MTTA", _seconds(incident.mtta)),
        ("恢复用时 / MTTR", _seconds(incident.mttr)),
        ("告警 / Alerts", ", ".join(sorted({m.labels.get("alertname", "") for m in incident.members}))),
        *([("重新打开 / Reopened", str(incident.reopened))] if incident.reopened else []),
    ]


def markdown(material: Material) -> str:
    """The report as Markdown."""
    incident = material.incident
    parts = [
        f"# 事件 {incident.id}：{_one_line(incident.title)}",
        _table(("", ""), facts(material)),
        "## 业务指标 / Business figures",
        *([_figure(line, incident) for line in material.lines] or ["没有数据 / no data"]),
        "## 时间线 / Timeline",
        _table(("时间", "距开始", "经过"), [
            (local(m.at, "%H:%M:%S"), after(m.at, incident), m.text) for m in material.timeline
        ]),
        "## 预案 / Runbook",
        *([_run(run) for run in material.runs] or ["没有执行预案 / no runbook was run"]),
        "## 日志 / Log lines",
        _table(("时间", "服务", "级别", "内容"), [(local(o.at, "%H:%M:%S"), o.service, o.level, o.message[:300]) for o in material.logs])
        if material.logs else "没有日志 / no log lines",
        *[f"> 缺少 / missing: {text}" for text in material.missing],
        f"_{local(material.made_at)} opsctl_",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def after(at: float, incident: Incident) -> str:
    """How long after the beginning, e.g. `+12.5s`."""
    seconds = at - incident.opened_at
    return f"{'-' if seconds < 0 else '+'}{human_duration(abs(seconds))}"


def summary(line: Line, incident: Incident) -> str:
    """The figure before, at its worst deviation and at the end, in words."""
    before = [v for t, v in line.points if v is not None and t < incident.opened_at]
    values = [v for _, v in line.points if v is not None]
    if not values:
        return "没有数据 / no data"
    usual = sum(before) / len(before) if before else values[0]
    worst = max(values, key=lambda v: abs(v - usual))
    return f"之前 / before {usual:.3g}{line.unit} → 最差 / worst {worst:.3g}{line.unit} → 最后 / last {values[-1]:.3g}{line.unit}"


def _figure(line: Line, incident: Incident) -> str:
    return f"- {line.title}: {summary(line, incident)}"


def _run(run: Mapping[str, Any]) -> str:
    kind = "预演 / dry run" if run["dry_run"] else "执行 / run"
    approved = f"，批准 / approved by {', '.join(run['approved_by'])}" if run["approved_by"] else ""
    head = f"### {run['runbook']}（{kind} {run['id']}）：{run['status']}，{run['requester']}{approved}"
    rows = [
        (s["title"]["zh"], s["status"], local(s["begun_at"], "%H:%M:%S") if s.get("begun_at") else "", s["summary"])
        for s in run["steps"]
    ]
    return f"{head}\n\n{_table(('步骤', '结果', '时间', '说明'), rows)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(str(c)) for c in row) + " |" for row in lines)


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|").replace("<", "&lt;")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _seconds(value: float | None) -> str:
    return "–" if value is None else human_duration(value)
