"""query, query_range, series, labels, label values, federate: what is asked of the samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from opsctl.api.prometheus_errors import ApiError
from opsctl.api.prometheus_federate import classic, content_type, newest, page, reads_any_name
from opsctl.api.prometheus_figures import ServerFigures
from opsctl.api.prometheus_json import limited, result
from opsctl.api.prometheus_params import (
    Form,
    label_name_of,
    limit_of,
    lookback_of,
    read_form,
    read_strict_form,
    span_of,
    time_of,
    timeout_of,
)  # fmt: skip
from opsctl.api.prometheus_routing import plain_error
from opsctl.api.prometheus_selectors import selector_of, selectors_of
from opsctl.api.prometheus_stats import statistics
from opsctl.api.prometheus_times import FIRST, LAST, at_ms
from opsctl.api.prometheus_waiting import while_connected
from opsctl.core.errors import OpsctlError
from opsctl.flows.monitoring import Monitoring
from opsctl.flows.queries import QueryTimeout
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError, PromqlParseError


class QueryEndpoints:
    """Answers from one Monitoring's store."""

    def __init__(self, monitoring: Monitoring, figures: ServerFigures) -> None:
        self._m, self._figures = monitoring, figures

    async def query(self, request: Request) -> Response:
        form = await read_form(request)
        limit, at = limit_of(form), time_of(form, "time", at_ms(self._m.now_ms())).engine_ms
        timeout, lookback = timeout_of(form), lookback_of(form)
        pending = self._m.queries.instant(form.get("query"), at, timeout, lookback)
        return await self._evaluated(request, form, pending, limit)

    async def query_range(self, request: Request) -> Response:
        form = await read_form(request)
        limit, span = limit_of(form), span_of(form)
        timeout, lookback = timeout_of(form), lookback_of(form)
        pending = self._m.queries.range(form.get("query"), span.start_ms, span.end_ms, span.step_ms, timeout, lookback)
        return await self._evaluated(request, form, pending, limit)

    async def _evaluated(self, request: Request, form: Form, pending: Coroutine[Any, Any, Any], limit: int) -> Response:
        began = time.perf_counter()
        try:
            value = await while_connected(request, pending)
        except PromqlParseError as error:
            raise ApiError("bad_data", f'invalid parameter "query": {error.message}') from error
        except QueryTimeout as error:
            raise ApiError("timeout", error.message) from error
        except PromqlError as error:
            raise ApiError("execution", error.message) from error
        told = statistics(value, time.perf_counter() - began) if form.get("stats") else None
        return result(value, limit, told)

    async def series(self, request: Request) -> Response:
        form = await read_strict_form(request)
        if not form.getlist("match[]"):
            raise ApiError("bad_data", "no match[] parameter provided")
        limit, start, end = limit_of(form), *_borders(form)
        sets = selectors_of(form.getlist("match[]"), "match[]")
        found = await asyncio.to_thread(self._m.storage.series, sets, start, end)
        return limited([dict(labels) for labels in found], limit)

    async def labels(self, request: Request) -> Response:
        form = await read_form(request)
        limit, start, end = limit_of(form), *_borders(form)
        sets = selectors_of(form.getlist("match[]"))
        return limited(await asyncio.to_thread(self._m.storage.label_names, sets, start, end), limit)

    async def label_values(self, request: Request) -> Response:
        form, name = await read_form(request), label_name_of(request.path_params["name"])
        limit, start, end = limit_of(form), *_borders(form)
        sets = selectors_of(form.getlist("match[]"))
        return limited(await asyncio.to_thread(self._m.storage.label_values, name, sets, start, end), limit)

    async def federate(self, request: Request) -> Response:
        """The newest samples as a text page; nothing asked for is an empty page."""
        try:
            form = await read_strict_form(request)
            sets: list[Sequence[Matcher]] = [selector_of(text) for text in form.getlist("match[]")]
        except ApiError as error:
            return plain_error(error.message, 400)
        accept = request.headers.get("accept", "")
        try:
            text = await asyncio.to_thread(self._page, sets, reads_any_name(accept)) if sets else ""
        except OpsctlError as error:
            self._figures.federation_errors.inc()
            return plain_error(error.message, 500)
        return PlainTextResponse(text.encode("utf-8", "replace"), headers={"Content-Type": content_type(accept)})

    def _page(self, sets: list[Sequence[Matcher]], any_name: bool) -> str:
        found = newest(self._m.storage, sets, self._m.now_ms(), self._m.queries.lookback_ms)
        return page(found if any_name else classic(found), self._m.config.global_.external_labels)


def _borders(form: Form) -> tuple[int, int]:
    start, end = time_of(form, "start", FIRST), time_of(form, "end", LAST)
    return start.store_ms, end.store_ms
