"""The ops process' loops: watch incidents, ship logs, keep the calendar. One broad catch a loop, with a metric."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from prometheus_client import CollectorRegistry, Counter, Gauge

from opsctl.core.clock import SHANGHAI, Clock
from opsctl.core.errors import OpsctlError
from opsctl.core.log import Log
from opsctl.flows.backup_calendar import CalendarJob

LOG = Log("opsctl.operating")


@dataclass(frozen=True)
class Loop:
    """Something done again and again. `act(now)` blocks, and says whether to go on at once; `every` in seconds."""

    name: str
    every: float
    act: Callable[[float], bool]


class LoopFigures:
    """opsctl_loop_*: a loop that fails or hangs is visible from outside."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.failures = Counter(
            "opsctl_loop_failures_total", "Turns of a loop that failed.", ("loop",), registry=registry
        )
        self.last = Gauge(
            "opsctl_loop_last_success_timestamp_seconds",
            "When a loop's last good turn ended.",
            ("loop",),
            registry=registry,
        )


class Operating:
    """Runs loops on a bounded pool, and calendar jobs, until `stop`."""

    def __init__(self, loops: Iterable[Loop], jobs: Iterable[CalendarJob], clock: Clock, figures: LoopFigures) -> None:
        self._loops = tuple(loops)
        self._jobs = tuple(jobs)
        self._clock = clock
        self._figures = figures
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(self._loops)), thread_name_prefix="loop")
        self._tasks: list[asyncio.Task[None]] = []
        self._scheduler = BackgroundScheduler(timezone=SHANGHAI)

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._turn(loop), name=loop.name) for loop in self._loops]
        for job in self._jobs:
            trigger = CronTrigger.from_crontab(job.cron, timezone=SHANGHAI)
            self._scheduler.add_job(job.act, trigger, id=job.id, coalesce=True, misfire_grace_time=3600)
        self._scheduler.start()

    async def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    async def _turn(self, loop: Loop) -> None:
        running = asyncio.get_running_loop()
        while True:
            more = False
            try:
                more = await running.run_in_executor(self._pool, loop.act, self._clock.now())
                self._figures.last.labels(loop.name).set(self._clock.now())
            except OpsctlError as error:
                self._failed(loop, error.message)
            except Exception as error:
                self._failed(loop, f"{type(error).__name__}: {error}", error)
            if not more:
                await self._clock.sleep(loop.every)

    def _failed(self, loop: Loop, message: str, defect: Exception | None = None) -> None:
        self._figures.failures.labels(loop.name).inc()
        LOG.error("loop.failed", exc=defect, loop=loop.name, error=message)
