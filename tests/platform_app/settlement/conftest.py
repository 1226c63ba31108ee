"""Books on each engine in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from platform_app.kit.db import Db
from tests.platform_app.sandbox.homes import make_home
from tests.platform_app.settlement.town import Town, town_of


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    """An empty database with the schema, on each engine in turn."""
    opened = Db(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def town(tmp_path: Path, database_url: str) -> AsyncIterator[Town]:
    """WeChat's sandbox and our books, on each engine in turn."""
    folder = make_home(tmp_path, database_url=database_url, payments={"timeout_seconds": 2})
    async with town_of(folder) as built:
        yield built
