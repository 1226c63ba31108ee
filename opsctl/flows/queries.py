"""PromQL in a bounded pool of threads, with a time limit."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import TypeVar

from prometheus_client import CollectorRegistry, Gauge, Summary

from opsctl.core.errors import OpsctlError
from opsctl.flows.evaluating import Evaluator
from opsctl.metrics.storage import Storage
from opsctl.promql import Limits, Matrix, PromqlTimeoutError, Value

T = TypeVar("T")
_GRACE = 1.0
"""Seconds past its deadline after which a query that has not seen it yet is answered for."""


class QueryTimeout(OpsctlError):
    """The query took longer than it may."""


class _Clock:
    """The time for one query; stopped, it is past every deadline."""

    def __init__(self) -> None:
        self.began = self.stopped = False

    def now(self) -> float:
        return math.inf if self.stopped else time.monotonic()


class Queries:
    """Evaluates expressions on a store. A query past its time, or nobody waits for, ends and frees its thread."""

    def __init__(
        self, storage: Storage, pool: Executor, registry: CollectorRegistry, timeout: float = 120.0,
        lookback: float = 300.0, limits: Limits | None = None, evaluator: Evaluator | None = None, concurrency: int = 4,
    ) -> None:  # fmt: skip
        self._storage, self._pool, self.timeout, self.lookback_ms = storage, pool, timeout, int(lookback * 1000)
        self._limits = limits or Limits()
        self._evaluator = evaluator or Evaluator()
        self.default_step_ms = 60_000
        self._running = Gauge("prometheus_engine_queries", "Queries being evaluated or waiting.", registry=registry)
        most = Gauge("prometheus_engine_queries_concurrent_max", "Queries evaluated at once.", registry=registry)
        most.set(concurrency)
        self._took = Summary(
            "prometheus_engine_query_duration_seconds", "Query time.", ["slice"], registry=registry
        )  # fmt: skip

    async def instant(self, expr: str, at_ms: int, timeout: float | None = None, lookback_ms: int = 0) -> Value:
        """As promql.evaluate_instant. Raises QueryTimeout too."""
        lookback = lookback_ms or self.lookback_ms
        return await self._run(
            lambda limits: self._evaluator.instant(
                expr, self._storage, at_ms, lookback, default_step_ms=self.default_step_ms, limits=limits
            ),
            timeout,
        )

    async def range(
        self, expr: str, start_ms: int, end_ms: int, step_ms: int, timeout: float | None = None, lookback_ms: int = 0
    ) -> Matrix:
        """As promql.evaluate_range. Raises QueryTimeout too."""
        lookback = lookback_ms or self.lookback_ms
        return await self._run(
            lambda limits: self._evaluator.range(
                expr, self._storage, start_ms, end_ms, step_ms, lookback,
                default_step_ms=self.default_step_ms, limits=limits,
            ),
            timeout,
        )  # fmt: skip

    async def _run(self, work: Callable[[Limits], T], timeout: float | None) -> T:
        began, clock = time.perf_counter(), _Clock()
        limit = self.timeout if timeout is None else min(timeout, self.timeout)
        limits = replace(self._limits, deadline=time.monotonic() + limit, clock=clock.now)
        self._running.inc()
        try:
            return await self._awaited(self._begun(work, limits, clock), max(0.0, limit), clock)
        except PromqlTimeoutError as error:
            raise QueryTimeout(error.message) from error
        finally:
            clock.stopped = True
            self._running.dec()
            self._took.labels("inner_eval").observe(time.perf_counter() - began)

    async def _awaited(self, running: asyncio.Future[T], limit: float, clock: _Clock) -> T:
        try:
            await asyncio.wait((running,), timeout=limit)
            if not running.done() and clock.began:
                await asyncio.wait((running,), timeout=_GRACE)
            if running.done():
                return running.result()
        finally:
            running.cancel()
        raise QueryTimeout(f"query timed out in {'expression evaluation' if clock.began else 'query queue'}")

    def _begun(self, work: Callable[[Limits], T], limits: Limits, clock: _Clock) -> asyncio.Future[T]:
        def begin() -> T:
            clock.began = True
            if clock.now() >= limits.deadline:
                raise PromqlTimeoutError("query timed out in query execution")
            return work(limits)

        return asyncio.get_running_loop().run_in_executor(self._pool, begin)
