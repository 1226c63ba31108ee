"""The orders service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import Service, create_app
from platform_app.orders import calendars, endpoints, free, internal, work
from platform_app.orders.room import Room


async def startup(service: Service) -> None:
    """Its room, and the loops: expiry of holds, delivery of events, size of the object folder."""
    room = service.room = Room(service)
    service.loop("expiry", lambda: service.config.orders.expiry_interval_seconds, room.expire)
    service.loop("outbox", 0.5, room.relay.tick)
    service.loop("storage", 2.0, room.measure)


def create(folder: ConfigFolder) -> FastAPI:
    routers = [endpoints.router, free.router, calendars.router, work.router, internal.router]
    return create_app("orders", folder, routers, startup=startup, title="Orders")
