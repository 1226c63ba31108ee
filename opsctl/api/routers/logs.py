"""/api/opsctl/v1/logs: search, tail (NDJSON), stats."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from opsctl.access.roles import Principal
from opsctl.api.access import require
from opsctl.logs.query import narrow, parse_query, parse_time
from opsctl.logs.search import Tail, search
from opsctl.logs.store import LogStore

_POLL_SECONDS = 1.0

Limit = Annotated[int, Query(ge=1, le=10_000)]


def router(store: LogStore) -> APIRouter:
    """Everybody with a token may read logs."""
    made = APIRouter(prefix="/logs", tags=["logs"])

    @made.get("/search")
    def find(
        q: str = "", since: str = "", until: str = "", limit: Limit = 100, service: str = "", level: str = "",
        _: Principal = require("viewer"),
    ) -> dict[str, Any]:  # fmt: skip
        """Lines newest first. `q` is a Lucene query string; times are ISO, `15m` ago, or `now-1h`."""
        page = search(store, q, time.time(), since=since, until=until, limit=limit, service=service, level=level)
        return {"total": page.total, "lines": [line.as_dict() for line in page.lines]}

    @made.get("/tail")
    async def follow(
        q: str = "", since: str = "now", service: str = "", level: str = "", _: Principal = require("viewer")
    ) -> StreamingResponse:
        """New lines as they are stored, oldest first, one JSON object a line; an empty line is a sign of life."""
        now = time.time()
        tail = Tail(store, narrow(parse_query(q, now), service, level), parse_time(since, now))
        return StreamingResponse(_lines(tail), media_type="application/x-ndjson")

    @made.get("/stats")
    def stats(_: Principal = require("viewer")) -> dict[str, Any]:
        return dataclasses.asdict(store.stats())

    return made


async def _lines(tail: Tail) -> AsyncIterator[bytes]:
    while True:
        found = await run_in_threadpool(tail.step, time.time())
        yield b"".join(orjson.dumps(line.as_dict()) + b"\n" for line in found) or b"\n"
        await asyncio.sleep(_POLL_SECONDS)
