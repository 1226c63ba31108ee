"""The traffic generator: people who never stop, and a page of figures about what they saw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import aiohttp
from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import Service, create_app
from platform_app.traffic.api import Api
from platform_app.traffic.customer import Customer
from platform_app.traffic.figures import Figures
from platform_app.traffic.jobs import Jobs
from platform_app.traffic.logins import Logins
from platform_app.traffic.pace import Pace
from platform_app.traffic.provider import Provider

CUSTOMERS_AT_ONCE = 8
PROVIDERS_AT_ONCE = 2
PAUSE_SECONDS = 0.2


async def startup(service: Service) -> None:
    """Lets everybody in."""
    figures, seed = Figures(service.metrics), service.config.traffic.seed
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32))
    service.on_close(session.close)
    pace = Pace(lambda: service.config.traffic.rate_per_second, Random(seed))
    api = Api(service.folder, session, pace, figures)
    logins, jobs = Logins(api, _tokens(service)), Jobs()
    people: list[Customer | Provider] = []
    people += [Customer(api, logins, jobs, Random(seed + n)) for n in range(1, CUSTOMERS_AT_ONCE + 1)]
    people += [Provider(api, logins, jobs, Random(seed - n)) for n in range(1, PROVIDERS_AT_ONCE + 1)]
    for person in people:
        service.loop(type(person).__name__.lower(), PAUSE_SECONDS, _counted(person.story, figures))


def _counted(story: Callable[[], Awaitable[str]], figures: Figures) -> Callable[[], Awaitable[None]]:
    async def play() -> None:
        end = await story()
        if end:
            figures.stories.labels(end).inc()

    return play


def _tokens(service: Service) -> Path:
    return Path(service.config.sandbox.secrets_folder).parent / "traffic" / "tokens.json"


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("traffic", folder, [], startup=startup, title="Traffic")
