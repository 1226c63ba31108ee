"""What the catalog says about an offering, remembered for a few seconds under one configuration version."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

from platform_app.catalog.offers import offer_of
from platform_app.kit.cache import Cache
from platform_app.kit.client import Client
from platform_app.kit.config import PlatformConfig
from platform_app.kit.problem import Problem, not_found

MOST = 5_000


class Offerings:
    """A small cache in front of the catalog. A new configuration version empties it."""

    def __init__(self, client: Client, counter: Counter) -> None:
        self._client = client
        self._known: Cache[dict[str, Any]] = Cache("offerings", counter, MOST)
        self._version = 0

    async def get(self, offering_id: int, config: PlatformConfig, now: float) -> dict[str, Any]:
        """The offering; under `offer` its items, options and rules. Raises Problem 404, 502 or 504."""
        if config.version != self._version:
            self._known.clear()
            self._version = config.version
        seconds, timeout = config.orders.offering_cache_seconds, config.orders.upstream_timeout_seconds
        return await self._known.get(offering_id, lambda: self._load(offering_id, timeout), seconds, now)

    async def _load(self, offering_id: int, timeout: float) -> dict[str, Any]:
        answer = await self._client.call("catalog", "GET", f"/internal/offerings/{offering_id}", timeout=timeout)
        if answer.status == 404:
            raise not_found("服务项目")
        if not answer.ok:
            raise Problem(502, "upstream_unavailable", "catalog 暂时不可用", service="catalog")
        fresh: dict[str, Any] = answer.json()
        return {**fresh, "offer": offer_of(fresh["offer"])}
