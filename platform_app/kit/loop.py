"""Background loops: plain, each tick guarded, so that a locked database or a dead neighbour never ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from platform_app.kit.db import error_kind
from platform_app.kit.log import Log
from platform_app.kit.metrics import Metrics

log = Log("platform.loop")


async def every(
    seconds: Callable[[], float], name: str, tick: Callable[[], Awaitable[object]], metrics: Metrics
) -> None:
    """Runs `tick` for ever, `seconds()` apart. A tick that fails is counted and logged; the loop goes on."""
    while True:
        try:
            await tick()
        except Exception as error:
            metrics.loop_errors.labels(name).inc()
            if isinstance(error, SQLAlchemyError):
                metrics.database_errors.labels(metrics.service, error_kind(error)).inc()
                log.warning("loop.failed", loop=name, error=str(error))
            else:
                log.error("loop.failed", exc=error, loop=name)
        await asyncio.sleep(seconds())
