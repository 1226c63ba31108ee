"""Resilience: when was the last backup, when was one last proven, what would be lost and for how long."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import charts
from dashboards.api import Api, rows, seconds
from dashboards.figures import MISSING, Say, ago, clock, duration
from dashboards.parts import cards, missing, title

_PROVEN_WITHIN = 86_400


def render(api: Api, say: Say, now: float) -> None:
    """Draws the page as of `now`."""
    title(say("韧性", "Resilience"), say(f"截至 {clock(now)}", f"as of {clock(now)}"))
    status = api.get("/api/opsctl/v1/backup/status")
    sources = rows(status, "sources")
    if sources is None:
        missing(say)
        return
    _verdict(sources, list((status or {}).get("damaged") or ()), say, now)
    for source in sources:
        if len(sources) > 1:
            st.markdown(f"##### {source.get('source')}")
        _numbers(source, say, now)
    _drills(api, say)


def proven_lately(source: dict[str, Any], now: float) -> bool:
    """Has a drill of the last 24 hours restored a backup and found the business in it?"""
    proven = seconds(source.get("last_proven"))
    return proven is not None and now - proven <= _PROVEN_WITHIN and source.get("last_drill_ok") is not False


def _verdict(sources: list[dict[str, Any]], damaged: list[str], say: Say, now: float) -> None:
    late = [str(source.get("source")) for source in sources if not proven_lately(source, now)]
    names = say("、", ", ").join(late)
    if damaged:
        text = say(f"备份仓库有 {len(damaged)} 处损坏", f"{len(damaged)} damaged entries in the backup repository")
        st.error(text, icon=":material/broken_image:")
    if not sources:
        st.error(say("还没有任何备份", "There is no backup yet"), icon=":material/warning:")
    elif late:
        text = say(f"{names}：近 24 小时没有经过恢复验证的备份", f"{names}: no backup proven by a restore within 24 h")
        st.error(text, icon=":material/warning:")
    else:
        text = say(
            "备份可用：近 24 小时内已通过恢复演练", "Backups are proven: a restore within 24 h passed all checks"
        )
        st.success(text, icon=":material/verified:")


def _numbers(source: dict[str, Any], say: Say, now: float) -> None:
    size = source.get("last_bytes")
    cards(
        say(
            "RPO：恢复后会丢失多长时间的数据；RTO：恢复需要多久。均为最近一次成功演练实测。",
            "RPO: how much of the newest data a restore would lose. RTO: how long it takes. Both measured by a drill.",
        ),
        [
            (say("最近备份", "Last backup"), ago(seconds(source.get("last_success")), now, say), None),
            (say("最近验证", "Last proven"), ago(seconds(source.get("last_proven")), now, say), None),
            (say("实测 RPO", "Measured RPO"), duration(source.get("rpo_seconds"), say), None),
            (say("实测 RTO", "Measured RTO"), duration(source.get("rto_seconds"), say), None),
            (say("备份大小", "Backup size"), _size(size), None),
        ],
        say,
    )
    if source.get("last_drill_ok") is False:
        reason = source.get("last_drill_reason") or MISSING
        st.warning(say(f"最近一次演练失败：{reason}", f"The last drill failed: {reason}"), icon=":material/report:")


def _drills(api: Api, say: Say) -> None:
    found = rows(api.get("/api/opsctl/v1/backup/drills", limit=60), "drills", "items")
    left, right = st.columns(2, gap="large")
    for column, key, colour, name in (
        (left, "rto_seconds", charts.STRONG, say("每次演练的恢复时间 RTO（秒）", "RTO of each drill (seconds)")),
        (right, "rpo_seconds", charts.WARM, say("每次演练的数据缺口 RPO（秒）", "RPO of each drill (seconds)")),
    ):
        with column:
            st.markdown(f"##### {name}")
            points = [
                (at, float(drill[key]), bool(drill.get("ok")))
                for drill in found or []
                if (at := seconds(drill.get("started"))) and drill.get(key) is not None
            ]
            if points:
                st.altair_chart(charts.drills(points, colour, say), width="stretch")
            else:
                missing(say, "" if found is None else say("还没有演练", "No drill yet"))


def _size(value: Any) -> str:
    if not isinstance(value, int | float):
        return MISSING
    for unit, divisor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= divisor:
            return f"{value / divisor:.1f} {unit}"
    return f"{value:.0f} B"
