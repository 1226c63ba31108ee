"""The sandbox, really listening, in this process' loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from platform_app.kit.config import PlatformConfig
from platform_app.sandbox.wechat.notify import WAITS
from platform_app.sandbox.world import World, build_world


@asynccontextmanager
async def serving(config: PlatformConfig, waits: Sequence[float] = WAITS) -> AsyncIterator[World]:
    """The sandbox while it runs."""
    built, ready = build_world(config, waits), asyncio.Event()
    task = asyncio.create_task(built.run(ready))
    await asyncio.wait_for(ready.wait(), 10)
    try:
        yield built
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
