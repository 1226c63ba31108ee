"""Prometheus' HTTP API: the same paths, bodies and errors."""

from __future__ import annotations

from opsctl.api.prometheus_cors import Cors
from opsctl.api.prometheus_counting import HttpFigures
from opsctl.api.prometheus_expressions import exemplars, format_query, parse_query
from opsctl.api.prometheus_figures import ServerFigures
from opsctl.api.prometheus_front import front_routes
from opsctl.api.prometheus_management import Management
from opsctl.api.prometheus_options import WebOptions
from opsctl.api.prometheus_queries import QueryEndpoints
from opsctl.api.prometheus_refusals import admin_off, drop_series, otlp_closed, read_lacking
from opsctl.api.prometheus_routing import Handler, Route, Router
from opsctl.api.prometheus_status import StatusEndpoints
from opsctl.api.prometheus_usage import usage
from opsctl.api.prometheus_wrapping import compressed, nothing, shared, wrapped
from opsctl.api.prometheus_write import writer
from opsctl.flows.monitoring import Monitoring
from opsctl.flows.receiving import Receiver

_V1 = "/api/v1"
_ASKED, _READ = ("GET", "POST"), ("GET",)
_ADMIN = ("delete_series", "clean_tombstones", "snapshot")


def prometheus_api(monitoring: Monitoring, options: WebOptions, receiver: Receiver | None = None) -> Router:
    """The ASGI application for one Monitoring; `receiver` opens POST /api/v1/write."""
    figures = ServerFigures(monitoring.registry)
    asked, cors = QueryEndpoints(monitoring, figures), Cors(options.cors_origin)
    routes = [
        *_v1(monitoring, asked, StatusEndpoints(monitoring, options), cors),
        Route(f"{_V1}/write", {"POST": writer(receiver)}), Route(f"{_V1}/read", {"POST": read_lacking}),
        Route(f"{_V1}/otlp/v1/metrics", {"POST": otlp_closed}),
        Route("/federate", {"GET": compressed(asked.federate)}),
        *Management(monitoring, options).routes(), *front_routes(options),
    ]  # fmt: skip
    figures.ready()
    return Router(routes, HttpFigures(monitoring.registry), options.prefix, f"{_V1}/", wrapped(nothing, cors))


def _v1(monitoring: Monitoring, asked: QueryEndpoints, status: StatusEndpoints, cors: Cors) -> list[Route]:
    table: tuple[tuple[str, Handler, tuple[str, ...]], ...] = (
        ("query", asked.query, _ASKED), ("query_range", asked.query_range, _ASKED), ("labels", asked.labels, _ASKED),
        ("query_exemplars", exemplars, _ASKED), ("format_query", format_query, _ASKED), ("parse_query", parse_query, _ASKED),
        ("label/{name}/values", asked.label_values, _READ), ("scrape_pools", status.scrape_pools, _READ),
        ("targets", status.targets, _READ), ("targets/metadata", status.target_metadata, _READ),
        ("targets/relabel_steps", status.relabel_steps, _READ), ("metadata", status.metadata, _READ),
        ("alertmanagers", status.alertmanagers, _READ), ("rules", status.rules, _READ), ("alerts", status.alerts, _READ),
        ("features", status.features, _READ), ("status/config", status.config, _READ), ("status/flags", status.flags, _READ),
        ("status/runtimeinfo", status.runtimeinfo, _READ), ("status/buildinfo", status.buildinfo, _READ),
        ("status/tsdb", status.tsdb, _READ), ("status/tsdb/blocks", status.blocks, _READ),
        ("status/tsdb/usage", usage(monitoring), _READ),
    )  # fmt: skip
    routes = [
        Route(f"{_V1}/{path}", dict.fromkeys(methods, wrapped(handler, cors))) for path, handler, methods in table
    ]
    series = wrapped(asked.series, cors)
    admin = dict.fromkeys(("POST", "PUT"), wrapped(admin_off, cors))
    return [
        *routes, Route(f"{_V1}/series", {"GET": series, "POST": series, "DELETE": wrapped(drop_series, cors)}),
        Route(f"{_V1}/status/walreplay", {"GET": shared(status.walreplay, cors)}),
        Route(f"{_V1}/notifications", {"GET": shared(status.notifications, cors)}),
        Route(f"{_V1}/notifications/live", {"GET": shared(status.notifications_live, cors)}),
        *(Route(f"{_V1}/admin/tsdb/{verb}", admin) for verb in _ADMIN),
    ]  # fmt: skip
