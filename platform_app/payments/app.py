"""The payments service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.outbox import Relay
from platform_app.kit.service import Service, create_app
from platform_app.kit.times import now
from platform_app.payments import endpoints, wallet_endpoints
from platform_app.payments.checks import Checks
from platform_app.payments.figures import Figures
from platform_app.payments.gateway import Gateway
from platform_app.payments.refund_checks import RefundChecks
from platform_app.payments.room import Room
from platform_app.payments.telling import HEARS


async def startup(service: Service) -> None:
    """The way to the channels, the loops that ask them, the relay of the outbox."""
    figures = Figures(service.metrics)
    gateway = Gateway(service.folder, figures)
    service.room = Room(gateway, figures)
    service.on_close(gateway.close)
    checks, refund_checks = Checks(service), RefundChecks(service)
    service.loop("checks", 1.0, lambda: checks.tick(now()))
    service.loop("refunds", 1.0, lambda: refund_checks.tick(now()))
    relay = Relay("payments", service.db, service.client, service.metrics, HEARS)
    service.loop("outbox", 0.5, relay.tick)


def create(folder: ConfigFolder) -> FastAPI:
    routers = [wallet_endpoints.router, endpoints.router, endpoints.inner]
    return create_app("payments", folder, routers, startup=startup, title="Payments")
