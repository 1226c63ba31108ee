"""Who plays stays logged in: one text message, then tokens are renewed through the edge."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp
import orjson

from platform_app.kit.metrics import Metrics
from platform_app.traffic.api import Api
from platform_app.traffic.figures import Figures
from platform_app.traffic.logins import Logins
from platform_app.traffic.pace import Pace
from tests.platform_app.sandbox.serving import serving
from tests.platform_app.users.support import call
from tests.platform_app.world import Platform

PHONE = "13800000001"


@asynccontextmanager
async def player(platform: Platform, file: Path) -> AsyncIterator[Logins]:
    async with aiohttp.ClientSession() as session:
        api = Api(platform.folder, session, Pace(lambda: 1000.0, Random(1)), Figures(Metrics("traffic")))
        yield Logins(api, file)


async def test_tokens_are_renewed_without_another_message(sqlite_platform: Platform, tmp_path: Path) -> None:
    platform, file = sqlite_platform, tmp_path / "tokens.json"
    async with serving(platform.folder.config):
        await platform.start("users", "edge")
        async with player(platform, file) as logins:
            first = await logins.token(PHONE)
            assert first
            assert await logins.token(PHONE) == first, "while it counts"
            logins.forget(PHONE)
            second = await logins.token(PHONE)
            assert (await call(platform, "GET", "/me", second)).status == 200
            assert logins.known() == [PHONE]
        async with player(platform, file) as logins:
            assert await logins.token(PHONE) == second, "a restart costs no message"
        kept = orjson.loads(file.read_bytes())
        file.write_bytes(orjson.dumps({PHONE: {"token": "old", "until": time.time() + 3600}}))
        async with player(platform, file) as logins:
            assert await logins.token(PHONE) == "old", "a file of before there were refresh tokens"
        file.write_bytes(orjson.dumps({PHONE: kept[PHONE] | {"until": 0}}))
        await call(platform, "POST", "/auth/logout-everywhere", second)
        async with player(platform, file) as logins:
            assert await logins.token(PHONE) == "", "revoked: a code is asked for, and the minute is not over"
