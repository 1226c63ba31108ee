"""GET /api/v1/status/tsdb/usage: what eats the store's space. An addition to Prometheus' API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from opsctl.api.prometheus_json import success
from opsctl.api.prometheus_params import ApiError, bad, limit_of, read_form
from opsctl.core.errors import NotFound
from opsctl.flows.metrics_usage import By
from opsctl.flows.monitoring import Monitoring

_ROWS = 20


def usage(monitoring: Monitoring) -> Callable[[Request], Awaitable[Response]]:
    """The handler: `by` metric, label, job or target; `limit` rows (20)."""

    async def answer(request: Request) -> Response:
        form = await read_form(request)
        by = form.get("by") or "metric"
        if by not in get_args(By):
            raise bad("by", f"{by!r} is none of {', '.join(get_args(By))}")
        limit = limit_of(form) or _ROWS
        try:
            found = await asyncio.to_thread(monitoring.usage, cast(By, by), limit)
        except NotFound as error:
            raise ApiError("not_found", error.message) from error
        return success(asdict(found))

    return answer
