"""What the endpoints and loops of orders share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from platform_app.kit.auth import Principal
from platform_app.kit.outbox import Relay
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Service
from platform_app.kit.times import now
from platform_app.orders import booking, repository
from platform_app.orders.availability import Times
from platform_app.orders.events import RELAY_PATHS
from platform_app.orders.figures import Figures
from platform_app.orders.offerings import Offerings
from platform_app.orders.storage import used_bytes


class Room:
    """Figures, the catalog's cache, and the ticks of the loops."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.figures = Figures(service.metrics)
        self.offerings = Offerings(service.client, self.figures.cache)
        self.times = Times()
        self.relay = Relay("orders", service.db, service.client, service.metrics, RELAY_PATHS)

    async def expire(self) -> None:
        """One sweep of the holds that have run out."""
        ended = await booking.expire(self._service.db, now())
        self.figures.orders.labels("expired").inc(ended)

    async def measure(self) -> None:
        """How full the object folder is."""
        settings = self._service.config.storage
        used = await asyncio.to_thread(used_bytes, Path(settings.folder))
        self.figures.storage_used.set(used)
        self.figures.storage_limit.set(settings.quota_bytes)

    async def visible(self, order_id: int, who: Principal) -> Any:
        """The order, for its customer, its provider or an operator; Problem 404 for all others."""
        async with self._service.db.read() as c:
            row = await repository.by_id(c, order_id)
        if row is None or not (
            who.role == "operator"
            or row.user_id == who.user_id
            or (who.provider_id and row.provider_id == who.provider_id)
        ):
            raise not_found("订单")
        return row

    async def move(self, row: Any, verb: str, at: int, reason: str = "", **values: Any) -> Any:
        """One transition in a transaction of its own, counted. Raises Problem 409 when the state does not allow it."""
        async with self._service.db.transaction() as c:
            moved = await repository.move(c, row.id, verb, at, reason, **values)
        if moved is None:
            raise Problem(409, "wrong_status", f"订单当前状态({row.status})不允许此操作", order_status=row.status)
        self.figures.orders.labels(moved.status).inc()
        return moved
