"""A drill's result as a page for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from backup.proofs import DrillResult

_SHANGHAI = timezone(timedelta(hours=8))


def markdown(result: DrillResult) -> str:
    """The report: verdict, RPO, RTO, phases, checks. zh-CN with English beside it."""
    rpo = "—" if result.rpo_seconds is None else f"{result.rpo_seconds:.0f} s"
    lines = [
        f"# 恢复演练 / Restore drill {result.id}",
        "",
        f"**{'通过 / proven' if result.ok else '未通过 / FAILED'}**" + (f": {result.reason}" if result.reason else ""),
        "",
        "| | |",
        "|---|---|",
        f"| 来源 / source | {result.source} |",
        f"| 快照 / snapshot | {result.snapshot or '—'} |",
        f"| 开始 / started | {_when(result.started)} |",
        f"| RPO（最新业务数据距演练 / age of the newest business row） | {rpo} |",
        f"| RTO（恢复加校验 / restore and checks） | {result.rto_seconds:.2f} s |",
        f"| 快照年龄 / snapshot age | {result.snapshot_age_seconds:.0f} s |",
        f"| 数据量 / restored | {result.bytes} bytes, {result.files} files |",
        "",
        "## 阶段 / Phases",
        "",
        *(f"- {phase.name}: {phase.seconds:.3f} s" for phase in result.phases),
        "",
        "## 业务校验 / Business checks",
        "",
        "| 结果 | 校验 / check | 说明 / found |",
        "|---|---|---|",
        *(f"| {'✔' if c.ok else '✘'} | {c.name} | {c.message} |" for c in result.checks),
    ]
    return "\n".join(lines) + "\n"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M:%S +08:00")
