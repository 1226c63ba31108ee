"""Prometheus' HTTP API: the same paths, bodies and errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from opsctl.api.prometheus_cors import Cors
from opsctl.api.prometheus_counting import CountRequests
from opsctl.api.prometheus_expressions import exemplars, format_query, parse_query
from opsctl.api.prometheus_federate import ANY_NAMES, CONTENT_TYPE, classic, newest, page
from opsctl.api.prometheus_front import front
from opsctl.api.prometheus_json import failure, limited, result, success, top
from opsctl.api.prometheus_params import (
    ApiError,
    Form,
    label_name_of,
    limit_of,
    matchers_of,
    read_form,
    seconds_of,
    span_of,
    time_of,
)  # fmt: skip
from opsctl.api.prometheus_refusals import admin_off
from opsctl.api.prometheus_rules import alerts_data, rules_data
from opsctl.api.prometheus_state import (
    alertmanagers_data,
    build_data,
    metadata_data,
    runtime_data,
    targets_data,
    tsdb_data,
)  # fmt: skip
from opsctl.api.prometheus_target_metadata import target_metadata
from opsctl.api.prometheus_usage import usage
from opsctl.api.prometheus_write import write_route
from opsctl.core.errors import NotFound, OpsctlError, Unreachable, UsageError
from opsctl.core.log import Log
from opsctl.flows.monitoring import Monitoring
from opsctl.flows.queries import QueryTimeout
from opsctl.flows.receiving import Receiver
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError, PromqlParseError

LOG = Log("opsctl.api.prometheus")
_FIRST_MS, _LAST_MS = -(2**62), 2**62
_COLLECTOR_STATUS = ((NotFound, 404), (UsageError, 400), (Unreachable, 503))
Handler = Callable[[Request], Awaitable[Response]]


class PrometheusApi:
    """Answers for one Monitoring. `flags` are shown on status/flags; `lifecycle` opens POST /-/reload, `receiver`
    POST /api/v1/write."""

    def __init__(
        self, monitoring: Monitoring, flags: dict[str, str], lifecycle: bool, receiver: Receiver | None = None
    ) -> None:  # fmt: skip
        self._m = monitoring
        self._flags = flags
        self._lifecycle = lifecycle
        self._receiver = receiver

    def asgi(self) -> Starlette:
        both, get = ["GET", "POST"], ["GET"]
        v1: tuple[tuple[str, Handler, list[str]], ...] = (
            ("query", self.query, both), ("query_range", self.query_range, both), ("series", self.series, both),
            ("labels", self.labels, both), ("label/{name}/values", self.label_values, get),
            ("query_exemplars", exemplars, both), ("format_query", format_query, both), ("parse_query", parse_query, both),
            ("targets", self.targets, get), ("targets/metadata", self.target_metadata, get),
            ("scrape_pools", self.scrape_pools, get), ("rules", self.rules, get),
            ("alerts", self.alerts, get), ("alertmanagers", self.alertmanagers, get),
            ("metadata", self.metadata, get), ("status/config", self.config, get), ("status/flags", self.flags, get),
            ("status/buildinfo", self.buildinfo, get), ("status/runtimeinfo", self.runtimeinfo, get),
            ("status/tsdb", self.tsdb, get), ("status/tsdb/usage", usage(self._m), get), ("status/walreplay", self.walreplay, get),
            ("notifications", self.notifications, get), ("admin/tsdb/{verb}", admin_off, ["POST", "PUT"]),
        )  # fmt: skip
        routes = [Route(f"/api/v1/{path}", _answered(handler), methods=methods) for path, handler, methods in v1]
        routes += [
            Route("/", front), Route("/federate", self.federate), Route("/-/healthy", self.healthy), Route("/-/ready", self.ready),
            Route("/-/reload", self.reload, methods=["POST", "PUT"]), Route("/metrics", self.metrics),
            Route("/collectors/{name}", self.collector), write_route(self._receiver),
        ]  # fmt: skip
        return Starlette(
            routes=routes,
            middleware=[Middleware(CountRequests, registry=self._m.registry), Middleware(Cors)],
            exception_handlers={404: _no_such_path},
        )

    async def query(self, request: Request) -> Response:
        form = await read_form(request)
        at = time_of(form, "time", self._m.now_ms())
        limit, timeout = limit_of(form), seconds_of(form, "timeout", 0.0)
        lookback = round(seconds_of(form, "lookback_delta", 0.0) * 1000)
        value = await _evaluated(self._m.queries.instant(form.get("query", ""), at, timeout, lookback))
        return result(value, limit)

    async def query_range(self, request: Request) -> Response:
        form = await read_form(request)
        span = span_of(form)
        limit, timeout = limit_of(form), seconds_of(form, "timeout", 0.0)
        lookback = round(seconds_of(form, "lookback_delta", 0.0) * 1000)
        pending = self._m.queries.range(
            form.get("query", ""), span.start_ms, span.end_ms, span.step_ms, timeout, lookback
        )
        return result(await _evaluated(pending), limit)

    async def series(self, request: Request) -> Response:
        form = await read_form(request)
        sets, start, end = self._selection(form, required=True)
        found = await asyncio.to_thread(self._m.storage.series, sets, start, end)
        return limited([dict(labels) for labels in found], limit_of(form))

    async def labels(self, request: Request) -> Response:
        form = await read_form(request)
        sets, start, end = self._selection(form, required=False)
        return limited(await asyncio.to_thread(self._m.storage.label_names, sets, start, end), limit_of(form))

    async def label_values(self, request: Request) -> Response:
        form, name = await read_form(request), label_name_of(request.path_params["name"])
        sets, start, end = self._selection(form, required=False)
        found = await asyncio.to_thread(self._m.storage.label_values, name, sets, start, end)
        return limited(found, limit_of(form))

    def _selection(self, form: Form, required: bool) -> tuple[list[Sequence[Matcher]], int, int]:
        start, end = time_of(form, "start", _FIRST_MS), time_of(form, "end", _LAST_MS)
        return matchers_of(form, required), start, end

    async def federate(self, request: Request) -> Response:
        try:
            sets = matchers_of(await read_form(request), required=True)
        except ApiError as error:
            return PlainTextResponse(f"{error.message}\n", 400)
        now, lookback = self._m.now_ms(), self._m.queries.lookback_ms
        found = await asyncio.to_thread(newest, self._m.storage, sets, now, lookback)
        known = ANY_NAMES in request.headers.get("accept", "")
        text = page(found if known else classic(found), self._m.config.global_.external_labels)
        return Response(text.encode("utf-8", "replace"), headers={"Content-Type": CONTENT_TYPE})

    async def targets(self, request: Request) -> Response:
        wanted = request.query_params.get("state", "").lower()
        return success(targets_data(self._m.scraper, wanted, request.query_params.get("scrapePool", "")))

    async def target_metadata(self, request: Request) -> Response:
        return success(target_metadata(self._m.scraper, request.query_params))

    async def scrape_pools(self, _: Request) -> Response:
        return success({"scrapePools": sorted(job.job_name for job in self._m.config.scrape_configs)})

    async def rules(self, request: Request) -> Response:
        return success(rules_data(self._m.ruler, request.query_params))

    async def alerts(self, _: Request) -> Response:
        return success(alerts_data(self._m.ruler))

    async def alertmanagers(self, _: Request) -> Response:
        return success(alertmanagers_data(self._m.config))

    async def metadata(self, request: Request) -> Response:
        params = request.query_params
        limits = limit_of(params), limit_of(params, "limit_per_metric")
        return success(metadata_data(self._m.scraper, params.get("metric", ""), *limits))

    async def config(self, _: Request) -> Response:
        return success({"yaml": self._m.config.text})

    async def flags(self, _: Request) -> Response:
        return success(self._flags)

    async def buildinfo(self, _: Request) -> Response:
        return success(build_data())

    async def runtimeinfo(self, _: Request) -> Response:
        return success(runtime_data(self._m))

    async def tsdb(self, request: Request) -> Response:
        limit = limit_of(request.query_params) or 10
        status, counts = await asyncio.to_thread(lambda: (self._m.storage.status(), self._m.metric_counts()))
        return success(tsdb_data(status, top(counts, limit), limit))

    async def walreplay(self, _: Request) -> Response:
        return success({"min": 0, "max": 0, "current": 0})  # it is replayed whole before the port opens

    async def notifications(self, _: Request) -> Response:
        return success([])

    async def healthy(self, _: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Healthy.\n")

    async def ready(self, _: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Ready.\n")

    async def reload(self, _: Request) -> Response:
        if not self._lifecycle:
            return PlainTextResponse("Lifecycle API is not enabled.", 403)
        try:
            await self._m.reload()
        except OpsctlError as error:
            return PlainTextResponse(f"failed to reload config: {error.message}\n", 500)
        return PlainTextResponse("")

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._m.registry), media_type=CONTENT_TYPE_LATEST)

    async def collector(self, request: Request) -> Response:
        text = request.headers.get("x-prometheus-scrape-timeout-seconds", "")
        seconds = max(0.5, float(text) * 0.9) if re.fullmatch(r"\d+(\.\d+)?", text) else 9.0
        try:
            page = await self._m.collectors.page(request.path_params["name"], request.query_params, seconds)
        except OpsctlError as error:
            status = next((code for kind, code in _COLLECTOR_STATUS if isinstance(error, kind)), 500)
            return PlainTextResponse(f"{error.message}\n", status)
        return Response(page, media_type=CONTENT_TYPE_LATEST)


def _answered(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return failure(error.kind, error.message)
        except Unreachable as error:
            return failure("unavailable", f"{error.message}; {error.hint}", 503)
        except Exception as error:
            LOG.error("api.failed", exc=error, path=request.url.path)
            return failure("internal", f"{type(error).__name__}: {error}")

    return answer


async def _evaluated(pending: Awaitable[Any]) -> Any:
    try:
        return await pending
    except PromqlParseError as error:
        raise ApiError("bad_data", f'invalid parameter "query": {error.message}') from error
    except PromqlError as error:
        raise ApiError("execution", error.message) from error
    except QueryTimeout as error:
        raise ApiError("timeout", error.message) from error


async def _no_such_path(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse("404 page not found\n", 404)
