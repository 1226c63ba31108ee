"""Reports: whole, safe, and without anything from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from opsctl.incidents.chart import Line, Mark, line_chart
from opsctl.incidents.incident import Incident, Member, Moment
from opsctl.incidents.report import Material, markdown
from opsctl.incidents.report_html import html
from opsctl.model.logline import LogLine

T = 1_795_000_000.0
RUN = {
    "id": "r1", "runbook": "mend", "status": "done", "requester": "ann", "approved_by": ["bob"], "dry_run": False,
    "steps": [
        {"name": "s", "title": {"zh": "切换", "en": "Switch"}, "kind": "action", "status": "done", "summary": "a=1|2",
         "begun_at": T + 20, "ended_at": T + 21},
    ],
}  # fmt: skip


def material() -> Material:
    incident = Incident(
        id=3, key={"alertname": "Down", "service": "pay"}, title="支付 <b>失败</b>\nratio", severity="critical", opened_at=T,
        acked_at=T + 10, acked_by="王工", closed_at=T + 60,
        members=(Member(fingerprint="a", labels={"alertname": "Down"}, annotations={}, starts_at=T, ended_at=T + 60),),
    )  # fmt: skip
    points = tuple((T - 100 + n * 10, None if n == 3 else 5.0 if n < 10 or n > 14 else 0.0) for n in range(30))
    return Material(
        incident=incident,
        timeline=(Moment(source="f", at=T, kind="fired", zh="告警触发", en="fired"), Moment(source="c", at=T + 60, kind="closed", zh="关闭", en="")),
        lines=(Line("订单", "/min", points),), start=T - 100, end=T + 200,
        logs=(LogLine(T + 1, "error", "payments", "<script>alert(1)</script>"),), runs=(RUN,), made_at=T + 300,
        missing=("日志: x",),
    )  # fmt: skip


def test_markdown_tells_all() -> None:
    text = markdown(material())
    for part in (
        "# 事件 3：支付 <b>失败</b> ratio", "MTTR | 1m", "王工", "+1m", "mend（执行 / run r1）：done，ann，批准 / approved by bob", "a=1\\|2",
        "&lt;script>", "之前 / before 5/min → 最差 / worst 0/min → 最后 / last 5/min", "缺少 / missing: 日志: x",
    ):  # fmt: skip
        assert part in text, part


def test_html_is_safe_and_self_contained() -> None:
    page = html(material())
    assert "<script" not in page
    assert "支付 &lt;b&gt;失败" in page
    assert set(re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')>\s]+)', page)) == set()
    assert re.findall(r"https?://[^\"' ]+", page) == ["http://www.w3.org/2000/svg"]
    svg = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    assert svg is not None
    tree = ElementTree.fromstring(svg[0])
    lines = tree.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2, "a gap is shown as a gap"
    marks = [t.text for t in tree.findall(".//{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}title")]
    assert marks == ["告警触发 / fired", "关闭", "切换 / Switch"]


def test_a_chart_without_data_or_with_one_value() -> None:
    for points in ((), ((T, 0.0),), ((T, -3.0), (T + 1, None))):
        ElementTree.fromstring(line_chart(Line("a", "", points), T, T + 10, (T, T + 5), [Mark(T, "fired", "<&>")]))
