"""The payments service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.outbox import Relay
from platform_app.kit.service import Service, create_app
from platform_app.kit.times import now
from platform_app.payments import endpoints
from platform_app.payments.checks import Checks
from platform_app.payments.figures import Figures
from platform_app.payments.gateway import Gateway
from platform_app.payments.room import Room


async def startup(service: Service) -> None:
    """The way to the channels, the loop that asks them, the relay of the outbox."""
    gateway = Gateway(service.folder)
    service.room = Room(gateway, Figures(service.metrics))
    service.on_close(gateway.close)
    checks = Checks(service)
    service.loop("checks", 1.0, lambda: checks.tick(now()))
    paths = {"orders": "/internal/payments", "settlement": "/internal/events"}
    relay = Relay("payments", service.db, service.client, service.metrics, paths)
    service.loop("outbox", 0.5, relay.tick)


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("payments", folder, [endpoints.router, endpoints.inner], startup=startup, title="Payments")
