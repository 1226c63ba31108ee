"""The sandbox on a configuration of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from platform_app.kit.config import PlatformConfig
from platform_app.sandbox.world import World
from tests.platform_app.sandbox.homes import make_home
from tests.platform_app.sandbox.serving import serving


@pytest.fixture
def config(tmp_path: Path) -> PlatformConfig:
    return make_home(tmp_path).config


@pytest.fixture
async def world(config: PlatformConfig) -> AsyncIterator[World]:
    async with serving(config) as built:
        yield built


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
