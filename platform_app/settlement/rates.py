"""The commission's rate: by the category of the service, from the platform's configuration."""

from __future__ import annotations

from typing import Any

from platform_app.kit.client import Client
from platform_app.kit.config import Settlement
from platform_app.kit.problem import Problem

KEPT_SECONDS = 300


class Rates:
    """Which category a service is of, asked of the catalog and kept for some minutes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._names: dict[int, str] = {}
        self._until = 0

    async def of(self, service_id: int, rules: Settlement, now: int) -> int:
        """The rate in 1/10000; a service that the catalog does not know has the common one.

        Raises Problem 502, 504 when the catalog does not answer: the event is delivered again later.
        """
        if not rules.commission_rates or not service_id:
            return rules.commission_rate
        if now >= self._until or service_id not in self._names:
            await self._load(now)
        return rules.commission_rates.get(self._names.get(service_id, ""), rules.commission_rate)

    async def _load(self, now: int) -> None:
        categories = await self._items("/api/v1/categories")
        services = await self._items("/api/v1/services")
        names = {int(item["id"]): str(item["name"]) for item in categories}
        self._names = {int(item["id"]): names.get(int(item["category_id"]), "") for item in services}
        self._until = now + KEPT_SECONDS

    async def _items(self, path: str) -> list[dict[str, Any]]:
        answer = await self._client.call("catalog", "GET", path)
        if not answer.ok:
            raise Problem(502, "upstream_unavailable", "目录服务暂时不可用", service="catalog")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items
