"""Targets, rules, alerts, metadata, status/*: how the process is, as /api/v1 tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from opsctl.api.prometheus_config_text import config_text
from opsctl.api.prometheus_errors import ApiError
from opsctl.api.prometheus_features import features_data
from opsctl.api.prometheus_json import success
from opsctl.api.prometheus_options import WebOptions
from opsctl.api.prometheus_params import atoi, count_of, read_form, read_strict_form
from opsctl.api.prometheus_relabel_steps import relabel_steps
from opsctl.api.prometheus_rules import alerts_data, rules_data
from opsctl.api.prometheus_state import (
    alertmanagers_data,
    build_data,
    metadata_data,
    runtime_data,
    targets_data,
)  # fmt: skip
from opsctl.api.prometheus_target_metadata import target_metadata
from opsctl.api.prometheus_tsdb import tsdb_data
from opsctl.flows.monitoring import Monitoring

_MOST_LISTED = 10_000


class StatusEndpoints:
    """Answers for one Monitoring."""

    def __init__(self, monitoring: Monitoring, options: WebOptions) -> None:
        self._m, self._options = monitoring, options

    async def targets(self, request: Request) -> Response:
        form = await read_form(request)
        return success(
            targets_data(
                self._m.scraper, form.get("state").lower(), form.get("scrapePool"), self._jobs(), self._options
            )
        )

    async def target_metadata(self, request: Request) -> Response:
        return success(target_metadata(self._m.scraper, await read_form(request)))

    async def relabel_steps(self, request: Request) -> Response:
        return success(relabel_steps(self._m.config, await read_form(request)))

    async def scrape_pools(self, _: Request) -> Response:
        return success({"scrapePools": sorted(self._jobs())})

    def _jobs(self) -> list[str]:
        return [job.job_name for job in self._m.config.scrape_configs]

    async def rules(self, request: Request) -> Response:
        return success(rules_data(self._m.ruler, await read_strict_form(request)))

    async def alerts(self, _: Request) -> Response:
        return success(alerts_data(self._m.ruler))

    async def alertmanagers(self, _: Request) -> Response:
        return success(alertmanagers_data(self._m.alertmanagers))

    async def metadata(self, request: Request) -> Response:
        form = await read_form(request)
        limits = count_of(form, "limit"), count_of(form, "limit_per_metric")
        return success(metadata_data(self._m.scraper, form.get("metric"), *limits))

    async def config(self, _: Request) -> Response:
        return success({"yaml": config_text(self._m.config)})

    async def flags(self, _: Request) -> Response:
        return success(dict(self._options.flags))

    async def buildinfo(self, _: Request) -> Response:
        return success(build_data())

    async def runtimeinfo(self, _: Request) -> Response:
        return success(runtime_data(self._m))

    async def features(self, _: Request) -> Response:
        return success(features_data(self._options))

    async def tsdb(self, request: Request) -> Response:
        limit = _listed((await read_form(request)).get("limit"))
        return success(await asyncio.to_thread(lambda: tsdb_data(self._m.storage, self._m.metric_counts(), limit)))

    async def blocks(self, _: Request) -> Response:
        return success({"blocks": []})

    async def walreplay(self, _: Request) -> Response:
        return success({"min": 0, "max": 0, "current": 0})  # it is replayed whole before the port opens

    async def notifications(self, _: Request) -> Response:
        return success([])

    async def notifications_live(self, request: Request) -> Response:
        """There are none to tell of; the stream stays open until the client goes."""

        async def wait() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        async def stream() -> AsyncIterator[bytes]:
            yield b""
            await wait()

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def _listed(text: str) -> int:
    """How many rows of each list are shown."""
    if not text:
        return 10
    try:
        limit = atoi("limit", text)
    except ApiError:
        limit = 0
    if limit < 1:
        raise ApiError("bad_data", "limit must be a positive number")
    if limit > _MOST_LISTED:
        raise ApiError("bad_data", f"limit must not exceed {_MOST_LISTED}")
    return limit
