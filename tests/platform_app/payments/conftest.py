"""Every test of payments runs on SQLite and on MariaDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import metadata, sync_engine
from platform_app.kit.migrate import upgrade
from tests.platform_app.payments.town import Town, build
from tests.platform_app.sandbox.homes import make_home
from tests.servers import mariadb


@pytest.fixture(scope="session")
def payments_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MariaDB with the platform's schema."""
    with mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        upgrade(server.url())
        yield server.url()


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the platform's schema, empty."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'platform.db'}"
        upgrade(url)
        return url
    url = str(request.getfixturevalue("payments_mariadb"))
    engine = sync_engine(url)
    with engine.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    engine.dispose()
    return url


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> ConfigFolder:
    return make_home(tmp_path, database_url=database_url, payments={"timeout_seconds": 0.5})


@pytest.fixture
async def town(folder: ConfigFolder) -> AsyncIterator[Town]:
    async with build(folder) as built:
        yield built
