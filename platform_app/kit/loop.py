"""Background loops: plain, each tick guarded, so that a locked database or a dead neighbour never ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from platform_app.kit.log import Log
from platform_app.kit.metrics import Metrics
from platform_app.kit.problem import Problem

log = Log("platform.loop")


async def every(
    seconds: Callable[[], float],
    name: str,
    tick: Callable[[], Awaitable[object]],
    metrics: Metrics,
    expected: Callable[[Exception], bool] = lambda _: False,
) -> None:
    """Runs `tick` for ever, `seconds()` apart. A tick that fails is counted and logged; the loop goes on.

    Problems, and errors that `expected` knows (and counts), are logged without a stack.
    """
    while True:
        try:
            await tick()
        except Exception as error:
            metrics.loop_errors.labels(name).inc()
            if expected(error) or isinstance(error, Problem):
                log.warning("loop.failed", loop=name, error=str(error))
            else:
                log.error("loop.failed", exc=error, loop=name)
        await asyncio.sleep(seconds())
