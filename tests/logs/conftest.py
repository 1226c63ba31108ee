"""The stores that must behave alike: Tantivy, and a real Elasticsearch started once for this room."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opsctl.logs.elastic_store import ElasticStore
from opsctl.logs.store import LogStore
from opsctl.logs.tantivy_store import TantivyStore
from tests.servers import elasticsearch

OpenStore = Callable[[], LogStore]


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with elasticsearch(tmp_path_factory.mktemp("elasticsearch")) as url:
        yield url


@pytest.fixture(params=["tantivy", "elasticsearch"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same empty store each time it is called; every implementation passes the same suite."""
    opened: list[LogStore] = []
    url = request.getfixturevalue("elasticsearch_url") if request.param == "elasticsearch" else ""
    alias = f"test-{os.getpid()}-{time.monotonic_ns()}"

    def make() -> LogStore:
        for each in opened:
            each.close()
        opened[:] = [ElasticStore(url, alias) if url else TantivyStore(tmp_path / "store")]
        return opened[0]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def store(reopen: OpenStore) -> LogStore:
    return reopen()
