"""`python -m platform_app.sandbox.faulty SERVICE --errors 0.05 --latency 1.4`: an unchanged service on a bad day.

The faults happen inside what the service measures of itself, so that its own figures show them,
as they would show a bad release.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import random
import time
from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platform_app.kit.answers import answer
from platform_app.kit.problem import Problem
from platform_app.kit.process import bind, open_folder, run

SERVICES = ("users", "providers", "catalog", "orders", "payments", "messages", "settlement")
SPARED = {"/healthz", "/readyz", "/metrics"}


class Faulty:
    """Answers 500 for a share of requests, and the others `latency` times as slowly."""

    def __init__(self, app: ASGIApp, owner: FastAPI, errors: float, latency: float, chance: random.Random) -> None:
        self._app = app
        self._owner = owner
        self._errors = errors
        self._latency = latency
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in SPARED:
            await self._app(scope, receive, send)
        elif self._chance.random() < self._errors:
            self._name_route(scope)
            await answer(Problem(500, "internal", "系统内部错误"))(scope, receive, send)
        else:
            await self._app(scope, receive, self._slowed(send))

    def _slowed(self, send: Send) -> Send:
        started = time.perf_counter()

        async def slowed(message: Message) -> None:
            if message["type"] == "http.response.start" and self._latency > 1:
                await asyncio.sleep((self._latency - 1) * (time.perf_counter() - started))
            await send(message)

        return slowed

    def _name_route(self, scope: Scope) -> None:
        """Lets the service count the error under the route that was meant."""
        for route in _leaves(self._owner.routes):
            if route.matches(scope)[0] is Match.FULL:
                scope["route"] = route
                return


def _leaves(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """All routes; newer FastAPI keeps an included router as one route with its own within."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from _leaves(router.routes)
        elif isinstance(route, Route):
            yield route


def wrap(app: FastAPI, errors: float, latency: float, chance: random.Random) -> FastAPI:
    """Puts the faults innermost, below the service's own counting."""
    app.user_middleware.append(Middleware(Faulty, owner=app, errors=errors, latency=latency, chance=chance))
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="platform_app.sandbox.faulty", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--errors", type=float, default=0.0, help="share of requests answered 500, 0 to 1")
    parser.add_argument("--latency", type=float, default=1.0, help="how many times as slow as it is, at least 1")
    parser.add_argument("--listen", default="", help="HOST:PORT instead of the service's own address")
    parser.add_argument("--seed", type=int, default=None, help="the same faults each time")
    given = parser.parse_args()
    if not 0 <= given.errors <= 1 or given.latency < 1:
        parser.error("--errors is a share from 0 to 1, --latency a factor of at least 1")
    folder = open_folder(given.service)
    create = importlib.import_module(f"platform_app.{given.service}.app").create
    sock = bind(given.service, given.listen or folder.config.services[given.service])
    run(wrap(create(folder), given.errors, given.latency, random.Random(given.seed)), sock)


if __name__ == "__main__":
    main()
