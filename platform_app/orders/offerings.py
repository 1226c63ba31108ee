"""What the catalog says about an offering, remembered for a few seconds under one configuration version."""

from __future__ import annotations

from typing import Any

from platform_app.kit.client import Client
from platform_app.kit.config import PlatformConfig
from platform_app.kit.problem import Problem, not_found

MOST = 5_000


class Offerings:
    """A small cache in front of the catalog. A new configuration version empties it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[int, tuple[float, dict[str, Any]]] = {}
        self._version = 0

    async def get(self, offering_id: int, config: PlatformConfig, now: float) -> dict[str, Any]:
        """The offering. Raises Problem 404, 502 or 504."""
        if config.version != self._version or len(self._known) > MOST:
            self._known.clear()
            self._version = config.version
        until, offer = self._known.get(offering_id, (0.0, {}))
        if until > now:
            return offer
        path = f"/internal/offerings/{offering_id}"
        answer = await self._client.call("catalog", "GET", path, timeout=config.orders.upstream_timeout_seconds)
        if answer.status == 404:
            raise not_found("服务项目")
        if not answer.ok:
            raise Problem(502, "upstream_unavailable", "catalog 暂时不可用", service="catalog")
        fresh: dict[str, Any] = answer.json()
        self._known[offering_id] = (now + config.orders.offering_cache_seconds, fresh)
        return fresh
