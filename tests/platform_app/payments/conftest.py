"""Every test of payments runs on SQLite and on MariaDB."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pymysql
import pytest

from platform_app.kit.config import ConfigFolder
from platform_app.kit.migrate import upgrade
from tests.platform_app.payments.town import Town, build
from tests.platform_app.sandbox.homes import make_home
from tests.servers import MariaDb, mariadb

_names = itertools.count(1)


@pytest.fixture(scope="session")
def payments_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the platform's schema, empty."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'platform.db'}"
    else:
        server: MariaDb = request.getfixturevalue("payments_mariadb")
        name = f"payments_{next(_names)}"
        with pymysql.connect(host="127.0.0.1", port=server.port, user="root") as connection:
            connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        url = server.url(name)
    upgrade(url)
    return url


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> ConfigFolder:
    return make_home(tmp_path, database_url=database_url, payments={"timeout_seconds": 0.5})


@pytest.fixture
async def town(folder: ConfigFolder) -> AsyncIterator[Town]:
    async with build(folder) as built:
        yield built
