"""Books on each engine in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from platform_app.kit.db import Db


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    """An empty database with the schema, on each engine in turn."""
    opened = Db(database_url)
    yield opened
    await opened.close()
