"""An incident's report as one HTML file with inline SVG charts: nothing is loaded from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from opsctl.core.clock import local
from opsctl.incidents.chart import Mark, line_chart
from opsctl.incidents.report import Material, after, facts, summary

_STYLE = """
:root{color-scheme:light}body{font:15px/1.65 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;
max-width:860px;margin:2rem auto;padding:0 1rem;color:#1f2933;background:#fff}
h1{font-size:1.5rem;line-height:1.35}h2{margin-top:2.2rem;font-size:1.15rem;border-bottom:2px solid #e5e8eb;padding-bottom:.3rem}
h3{font-size:1rem;margin-bottom:.3rem}table{border-collapse:collapse;width:100%;font-size:.92rem}
td,th{padding:.35rem .6rem .35rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #eef0f2}
th{color:#52606d;font-weight:600;white-space:nowrap}td.t{white-space:nowrap;font-variant-numeric:tabular-nums;color:#52606d}
.critical{color:#c0392b}.warning{color:#b9770e}.dot{display:inline-block;width:.6rem;height:.6rem;border-radius:50%;margin-right:.5rem}
svg{width:100%;height:auto;margin:.3rem 0 1rem}svg text{font:11px system-ui,sans-serif;fill:#7b8794}
code{background:#f4f6f8;padding:.05rem .3rem;border-radius:4px;font-size:.88em;word-break:break-all}.dim{color:#7b8794}
.fired{background:#c0392b}.delivered{background:#e67e22}.acknowledged{background:#8e44ad}.runbook{background:#2471a3}
.resolved,.closed{background:#1e8449}.note,.reopened,.not{background:#7f8c8d}
@media print{body{margin:0}}
"""


def html(material: Material) -> str:
    """The report as a page."""
    incident = material.incident
    title = f"事件 {incident.id}：{incident.title}"
    body = [
        f'<h1 class="{escape(incident.severity)}">{escape(title)}</h1>',
        _table((), [(k, escape(v)) for k, v in facts(material)]),
        "<h2>业务指标 / Business figures</h2>",
        *_charts(material),
        "<h2>时间线 / Timeline</h2>",
        _timeline(material),
        "<h2>预案 / Runbook</h2>",
        *_runs(material),
        "<h2>日志 / Log lines</h2>",
        _logs(material),
        *[f'<p class="dim">缺少 / missing: {escape(text)}</p>' for text in material.missing],
        f'<p class="dim">{local(material.made_at)} · opsctl</p>',
    ]
    return (
        f'<!doctype html>\n<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _charts(material: Material) -> list[str]:
    incident = material.incident
    shade = (incident.opened_at, incident.closed_at or material.end)
    wanted = ("fired", "acknowledged", "closed")
    marks = [Mark(m.at, m.kind, m.text) for m in material.timeline if m.kind in wanted]
    marks += [
        Mark(s["ended_at"], "runbook", f"{s['title']['zh']} / {s['title']['en']}")
        for run in material.runs
        if not run["dry_run"]
        for s in run["steps"]
        if s["kind"] == "action" and s["status"] == "done"
    ]
    return [
        f"<h3>{escape(line.title)}</h3>{line_chart(line, material.start, material.end, shade, marks)}"
        f'<p class="dim">{escape(summary(line, incident))}</p>'
        for line in material.lines
    ] or ["<p>没有数据 / no data</p>"]


def _timeline(material: Material) -> str:
    rows = [
        f'<tr><td class="t">{local(m.at, "%H:%M:%S")}</td><td class="t">{after(m.at, material.incident)}</td>'
        f'<td><span class="dot {escape(m.kind)}"></span>{escape(m.text)}</td></tr>'
        for m in material.timeline
    ]
    return f"<table>{''.join(rows)}</table>"


def _runs(material: Material) -> list[str]:
    made = []
    for run in material.runs:
        kind = "预演 / dry run" if run["dry_run"] else "执行 / run"
        approved = f"，批准 / approved by {', '.join(run['approved_by'])}" if run["approved_by"] else ""
        made.append(f"<h3>{escape(run['runbook'])}（{kind}）：{escape(run['status'])}</h3>")
        made.append(f'<p class="dim">{escape(run["id"])} · {escape(run["requester"] + approved)}</p>')
        rows = [
            (escape(s["title"]["zh"]), escape(s["status"]), f"{escape(s['summary'])}")
            for s in run["steps"]
        ]  # fmt: skip
        made.append(_table(("步骤", "结果", "说明"), rows))
    return made or ["<p>没有执行预案 / no runbook was run</p>"]


def _logs(material: Material) -> str:
    if not material.logs:
        return "<p>没有日志 / no log lines</p>"
    rows = [
        (
            local(line.at, "%H:%M:%S"),
            escape(line.service),
            escape(line.level),
            f"<code>{escape(line.message[:300])}</code>",
        )
        for line in material.logs
    ]
    return _table(("时间", "服务", "级别", "内容"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already."""
    top = f"<tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>" if head else ""
    cells = [
        "".join(f"<th>{c}</th>" if not head and n == 0 else f"<td>{c}</td>" for n, c in enumerate(row)) for row in rows
    ]
    return f"<table>{top}{''.join(f'<tr>{c}</tr>' for c in cells)}</table>"
