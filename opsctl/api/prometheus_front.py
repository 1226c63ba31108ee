"""The front page: links to what this process answers, without anything from elsewhere."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_LINKS = (
    ("/api/v1/targets", "抓取目标 Targets"), ("/api/v1/rules", "规则 Rules"), ("/api/v1/alerts", "告警 Alerts"),
    ("/api/v1/query?query=up", "查询 Query: up"), ("/api/v1/label/__name__/values", "指标名 Metric names"),
    ("/api/v1/status/config", "配置 Configuration"), ("/api/v1/status/flags", "启动参数 Flags"),
    ("/api/v1/status/runtimeinfo", "运行状态 Runtime"), ("/api/v1/status/tsdb", "存储 Store"),
    ("/metrics", "自身指标 Own metrics"), ("/-/healthy", "健康 Health"),
)  # fmt: skip


async def front(_: Request) -> Response:
    """One small page; questions are asked with `opsctl query` or Grafana."""
    items = "".join(f'<li><a href="{escape(path)}">{escape(name)}</a>' for path, name in _LINKS)
    return HTMLResponse(
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>opsctl metrics</title>'
        f"<h1>opsctl metrics</h1><p>Prometheus HTTP API</p><ul>{items}</ul></html>"
    )
