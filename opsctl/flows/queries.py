"""PromQL in a bounded pool of threads, with a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from prometheus_client import CollectorRegistry, Gauge, Summary

from opsctl.core.errors import OpsctlError
from opsctl.flows.evaluating import Evaluator
from opsctl.metrics.storage import Storage
from opsctl.promql import Limits, Matrix, Value

T = TypeVar("T")


class QueryTimeout(OpsctlError):
    """The query took longer than it may."""


class Queries:
    """Evaluates expressions on a store. A query past its limit is answered at once; its thread ends by itself."""

    def __init__(
        self, storage: Storage, pool: Executor, registry: CollectorRegistry, timeout: float = 120.0,
        lookback: float = 300.0, limits: Limits | None = None, evaluator: Evaluator | None = None,
    ) -> None:  # fmt: skip
        self._storage, self._pool, self.timeout, self.lookback_ms = storage, pool, timeout, int(lookback * 1000)
        self._limits = limits or Limits()
        self._evaluator = evaluator or Evaluator()
        self.default_step_ms = 60_000
        self._running = Gauge("prometheus_engine_queries", "Queries being evaluated or waiting.", registry=registry)
        self._took = Summary(
            "prometheus_engine_query_duration_seconds", "Query time.", ["slice"], registry=registry
        )  # fmt: skip

    async def instant(self, expr: str, at_ms: int, timeout: float = 0.0, lookback_ms: int = 0) -> Value:
        """As promql.evaluate_instant. Raises QueryTimeout too."""
        lookback = lookback_ms or self.lookback_ms
        return await self._run(
            lambda: self._evaluator.instant(
                expr, self._storage, at_ms, lookback, default_step_ms=self.default_step_ms, limits=self._limits
            ),
            timeout,
        )

    async def range(
        self, expr: str, start_ms: int, end_ms: int, step_ms: int, timeout: float = 0.0, lookback_ms: int = 0
    ) -> Matrix:
        """As promql.evaluate_range. Raises QueryTimeout too."""
        lookback = lookback_ms or self.lookback_ms
        return await self._run(
            lambda: self._evaluator.range(
                expr, self._storage, start_ms, end_ms, step_ms, lookback,
                default_step_ms=self.default_step_ms, limits=self._limits,
            ),
            timeout,
        )  # fmt: skip

    async def _run(self, work: Callable[[], T], timeout: float) -> T:
        limit = min(timeout, self.timeout) if timeout > 0 else self.timeout
        began = time.perf_counter()
        pending = asyncio.get_running_loop().run_in_executor(self._pool, work)
        self._running.inc()
        try:
            return await asyncio.wait_for(pending, limit)
        except TimeoutError as error:
            raise QueryTimeout("query timed out in expression evaluation") from error
        finally:
            self._running.dec()
            self._took.labels("inner_eval").observe(time.perf_counter() - began)
