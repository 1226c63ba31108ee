"""The messages service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.log import Log
from platform_app.kit.service import Service, create_app
from platform_app.kit.times import now
from platform_app.messages import endpoints, repository
from platform_app.messages.figures import Figures

log = Log("messages")


async def startup(service: Service) -> None:
    """Its figures, and the loop that forgets old messages."""
    service.room = Figures(service.metrics)

    async def forget() -> None:
        async with service.db.transaction() as c:
            gone = await repository.forget(c, now() - service.config.messages.retention_days * 86400)
        if gone:
            log.info("messages.forgotten", count=gone)

    service.loop("retention", 3600, forget)


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("messages", folder, [endpoints.router, endpoints.inner], startup=startup, title="Messages")
