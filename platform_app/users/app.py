"""The users service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.outbox import Relay
from platform_app.kit.service import Service, create_app
from platform_app.users import endpoints
from platform_app.users.figures import Figures


async def startup(service: Service) -> None:
    """Its figures, and the relay of its outbox."""
    service.room = Figures(service.metrics)
    relay = Relay("users", service.db, service.client, service.metrics, {"messages": "/internal/events"})
    service.loop("outbox", 1.0, relay.tick)


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("users", folder, [endpoints.router, endpoints.inner], startup=startup, title="Users")
