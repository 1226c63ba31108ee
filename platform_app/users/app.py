"""The users service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.outbox import Relay
from platform_app.kit.service import Service, create_app
from platform_app.users import book, desk, devices, endpoints, internal, me
from platform_app.users.figures import Figures

ROUTERS = (endpoints.router, me.router, devices.router, book.router, desk.router)


async def startup(service: Service) -> None:
    """Its figures, and the relay of its outbox."""
    service.room = Figures(service.metrics)
    relay = Relay("users", service.db, service.client, service.metrics, {"messages": "/internal/events"})
    service.loop("outbox", 1.0, relay.tick)


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("users", folder, [*ROUTERS, internal.router], startup=startup, title="Users")
