"""Databases and platforms for tests. `database_url` runs a test on SQLite and on MariaDB."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import sync_engine
from platform_app.kit.migrate import upgrade
from tests.platform_app.sandbox.homes import make_home
from tests.platform_app.world import Platform, fill, platform_of
from tests.servers import mariadb


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scratch MariaDB with the platform's schema; skipped by name where it is not installed."""
    with mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        upgrade(server.url())
        yield server.url()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite file with the platform's schema."""
    file = tmp_path_factory.mktemp("sqlite") / "platform.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty SQLite database with the schema."""
    file = tmp_path / "platform.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with the schema, on each engine in turn."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    url = str(request.getfixturevalue("mariadb_url"))
    empty(url)
    return url


def empty(url: str) -> None:
    """Deletes all rows (TRUNCATE would make every file anew, but the ledger's own refuse DELETE)."""
    engine = sync_engine(url)
    with engine.begin() as c:
        for (name,) in c.execute(text("SHOW TABLES")).all():
            if name != "alembic_version":
                appended = name in ("settlement_journal", "settlement_entry")
                c.execute(text(f"{'TRUNCATE' if appended else 'DELETE FROM'} {name}"))
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> ConfigFolder:
    """A configuration on free ports, with a small catalog in its database."""
    fill(database_url, int(time.time()))
    return make_home(tmp_path, database_url=database_url, orders={"expiry_interval_seconds": 0.2})


@pytest.fixture
async def platform(folder: ConfigFolder) -> AsyncIterator[Platform]:
    """A platform on each engine in turn; the test starts the services that it needs."""
    async with platform_of(folder) as running:
        yield running


@pytest.fixture
async def sqlite_platform(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Platform]:
    """A platform on SQLite alone, for what does not depend on the engine."""
    fill(sqlite_url, int(time.time()))
    async with platform_of(
        make_home(tmp_path, database_url=sqlite_url, orders={"expiry_interval_seconds": 0.2})
    ) as running:
        yield running
