"""What a phone shows: Chinese first, short, one idea a line. Pure text, shared by the robots."""

from __future__ import annotations

from collections.abc import Callable

from opsctl.alerts.batch import Batch
from opsctl.alerts.spark import figure
from opsctl.core.clock import local
from opsctl.model.alert import Alert

_MARK = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
_NAME = {"critical": "严重", "warning": "警告", "info": "提示"}
_SHOWN = 8


def title(batch: Batch) -> str:
    """One line for the lock screen: mark, state, what, how many."""
    return _title(batch).replace("\n", " ")


def _title(batch: Batch) -> str:
    lead = worst_first(batch.firing or batch.alerts)[0]
    count = len(batch.firing or batch.alerts)
    more = f" 等 {count} 条" if count > 1 else ""
    if batch.test:
        return f"🧪 测试消息 TEST · {batch.receiver}"
    if not batch.firing:
        return f"✅ 已恢复 {headline(lead)}{more}"
    return f"{_MARK.get(batch.severity, '⚪')} {headline(lead)}{more}"


def mark(alert: Alert) -> str:
    """The coloured dot of an alert's severity."""
    return _MARK.get(alert.labels.get("severity", ""), "⚪")


def headline(alert: Alert) -> str:
    """The Chinese half of the summary, or the alert's name."""
    return alert.annotations.get("summary", "").partition(" / ")[0].strip() or alert.name or "alert"


def worst_first(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """Critical before warning before the rest, then the oldest."""
    rank = {name: n for n, name in enumerate(_NAME)}
    return tuple(sorted(alerts, key=lambda a: (rank.get(a.labels.get("severity", ""), len(rank)), a.starts_at)))


def severity_name(batch: Batch) -> str:
    return _NAME.get(batch.severity, batch.severity or "未分级")


def body(batch: Batch) -> tuple[str, ...]:
    """The lines under the title: facts of the group, then each alert, firing ones first."""
    acked, flapping = dict(batch.acked), dict(batch.flapping)
    lines = [batch.note] if batch.note else []
    lines.append(_facts(batch))
    shown = worst_first(batch.firing) + worst_first(batch.resolved)
    for alert in shown[:_SHOWN]:
        lines += _alert(alert, batch.now, acked.get(alert.fingerprint, ""), alone=len(shown) == 1)
        if alert.fingerprint in flapping:
            lines.append(f"⚡ 频繁抖动：近期触发 {flapping[alert.fingerprint]} 次，稳定之前不再逐次通知 / flapping")
    if len(shown) > _SHOWN:
        rest = ", ".join(short(a) for a in shown[_SHOWN:])
        lines.append(f"另有 {len(shown) - _SHOWN} 条：{rest}")
    runbooks = sorted({a.annotations["runbook"] for a in batch.firing if a.annotations.get("runbook")})
    if runbooks:
        lines.append(f"处置手册：**{'、'.join(runbooks)}**")
    if batch.on_call and batch.firing:
        lines.append(f"值班：{'、'.join(batch.on_call)}")
    return tuple(lines)


def english(batch: Batch) -> str:
    """One short line in English, under the Chinese."""
    names = sorted({a.name for a in (batch.firing or batch.alerts)})
    service = batch.group_labels.get("service", "")
    state = "FIRING" if batch.firing else "RESOLVED"
    return f"{state} {len(batch.firing or batch.alerts)} · {', '.join(names)}{' · ' + service if service else ''}"


def _facts(batch: Batch) -> str:
    service = batch.group_labels.get("service") or (batch.firing or batch.alerts)[0].labels.get("service", "")
    parts = [f"**{severity_name(batch)}**"]
    if service:
        parts.append(f"服务 {service}")
    if len(batch.alerts) == 1 and where(batch.alerts[0]):
        parts.append(where(batch.alerts[0]))
    counts = [f"{len(batch.firing)} 条触发"] if batch.firing else []
    if batch.resolved:
        counts.append(f"{len(batch.resolved)} 条恢复")
    return " · ".join([*parts, "，".join(counts)])


def _alert(alert: Alert, now: float, who: str, alone: bool) -> list[str]:
    lines = []
    if not alone:
        point = "▸" if alert.ends_at is None else "✅ 恢复"
        lines.append(f"{point} **{headline(alert)}** {short(alert)}".rstrip())
    described = alert.annotations.get("description", "").partition(" / ")[0].strip()
    if described and alert.ends_at is None:
        lines.append(f"> {described}")
    shown = figure(alert) if alert.ends_at is None else ""
    if shown:
        lines.append(f"当前 {shown}")
    lines.append(_since(alert, now))
    if who:
        lines.append(f"**{who}** 已认领")
    return lines


def _since(alert: Alert, now: float) -> str:
    if alert.ends_at is None:
        return f"开始 {local(alert.starts_at, '%m-%d %H:%M:%S')}，已持续 {chinese_duration(now - alert.starts_at)}"
    return (
        f"恢复 {local(alert.ends_at, '%m-%d %H:%M:%S')}，历时 {chinese_duration(alert.ends_at - alert.starts_at)}"
        f"（{local(alert.starts_at, '%H:%M:%S')} 开始）"
    )


def where(alert: Alert) -> str:
    return alert.labels.get("instance", "")


def short(alert: Alert) -> str:
    """`Name@instance`."""
    return f"{alert.name}{'@' + where(alert) if where(alert) else ''}"


def chinese_duration(seconds: float) -> str:
    """75 → `1 分 15 秒`; two units at most."""
    left = max(0, round(seconds))
    parts = []
    for name, size in (("天", 86400), ("小时", 3600), ("分", 60), ("秒", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 秒"


def buttons(batch: Batch) -> tuple[tuple[str, str], ...]:
    """What a message offers to tap: (words, link)."""
    offered = (("认领 ACK", batch.ack_url), ("静默 1 小时", batch.silence_url)) if batch.firing else ()
    return tuple((words, url) for words, url in (*offered, ("详情 Details", batch.details_url)) if url)


def utf8_bytes(text: str) -> int:
    return len(text.encode())


def shorten(text: str, limit: int, tail: str = "…", measure: Callable[[str], int] = utf8_bytes) -> str:
    """At most `limit` by `measure` (bytes of UTF-8), cut between characters, ending in `tail` if something was cut."""
    if measure(text) <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) + measure(tail) <= limit else (low, middle - 1)
    return text[:low].rstrip() + tail
