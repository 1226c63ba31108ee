"""The pages for people: one small page of links, without anything from elsewhere, under all names of Prometheus' own."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from opsctl.api.prometheus_options import WebOptions
from opsctl.api.prometheus_routing import Route, redirect

_PAGES = (
    "/query", "/alerts", "/rules", "/tsdb-status", "/config", "/flags", "/service-discovery", "/alertmanager-discovery",
    "/status", "/targets",
)  # fmt: skip
_LINKS = (
    ("/api/v1/targets", "抓取目标 Targets"), ("/api/v1/rules", "规则 Rules"), ("/api/v1/alerts", "告警 Alerts"),
    ("/api/v1/query?query=up", "查询 Query: up"), ("/api/v1/label/__name__/values", "指标名 Metric names"),
    ("/api/v1/status/config", "配置 Configuration"), ("/api/v1/status/flags", "启动参数 Flags"),
    ("/api/v1/status/runtimeinfo", "运行状态 Runtime"), ("/api/v1/status/tsdb", "存储 Store"),
    ("/metrics", "自身指标 Own metrics"), ("/-/healthy", "健康 Health"),
)  # fmt: skip


def front_routes(options: WebOptions) -> list[Route]:
    """/, the old /graph, and the page. Questions are asked with `opsctl query` or Grafana."""
    base = options.external_path
    items = "".join(f'<li><a href="{escape(base + path)}">{escape(name)}</a>' for path, name in _LINKS)
    html = (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{escape(options.page_title)}</title>'
        f"<h1>opsctl metrics</h1><p>Prometheus HTTP API</p><ul>{items}</ul></html>"
    )

    async def page(_: Request) -> Response:
        return HTMLResponse(html)

    async def root(_: Request) -> Response:
        return redirect(f"{base}/query", 302)

    async def graph(request: Request) -> Response:
        return redirect(f"{base}/query?{request.scope['query_string'].decode('latin-1')}", 302)

    pages = [Route(path, {"GET": page}) for path in _PAGES]
    return [Route("/", {"GET": root}), Route("/graph", {"GET": graph}), *pages]
