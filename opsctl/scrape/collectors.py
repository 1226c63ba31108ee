"""Collectors of this process, as endpoints `/collectors/<name>` that are scraped like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from collectors.errors import CollectorError
from collectors.families import Collector, exposition
from collectors.figures import FiguresCollector
from collectors.host import HostCollector
from collectors.mariadb import MariadbCollector
from collectors.probe import ProbeCollector
from collectors.sqlite import SqliteCollector
from opsctl.core.errors import NotFound, OpsctlError, Unreachable, UsageError

Params = Mapping[str, str]
Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Monitored:
    """A database of an inventory: its URL, and the figures to read from it."""

    url: str
    figures: tuple[Mapping[str, Any], ...] = ()


Databases = Mapping[str, Monitored]
Factory = Callable[[Params, Databases, float], Collector]


def _host(_: Params, __: Databases, ___: float) -> Collector:
    return HostCollector()


def _probe(params: Params, _: Databases, seconds: float) -> Collector:
    if not params.get("target"):
        raise UsageError("a probe needs ?target=URL")
    return ProbeCollector(params["target"], params.get("module", "http_2xx"), seconds)


def _database(params: Params, databases: Databases, _: float) -> Collector:
    url = _monitored(params, databases).url
    for scheme, collector in _DATABASE_COLLECTORS:
        if url.startswith(scheme):
            return collector(url)
    raise UsageError(f"no collector for databases of {url.partition(':')[0]!r}")


def _figures(params: Params, databases: Databases, seconds: float) -> Collector:
    found = _monitored(params, databases)
    return FiguresCollector(found.url, found.figures, seconds)


_DATABASE_COLLECTORS: tuple[tuple[str, Callable[[str], Collector]], ...] = (
    ("sqlite", SqliteCollector), ("mysql", MariadbCollector), ("mariadb", MariadbCollector),
)  # fmt: skip

COLLECTORS: tuple[tuple[str, Factory], ...] = (
    ("host", _host), ("probe", _probe), ("database", _database), ("figures", _figures),
)  # fmt: skip


def _monitored(params: Params, databases: Databases) -> Monitored:
    name = params.get("name", "")
    if name not in databases:
        raise NotFound(
            f"no database {name!r} in the inventories", f"there are: {', '.join(sorted(databases)) or 'none'}"
        )
    return databases[name]


class Collectors:
    """Runs collectors in a bounded pool, each at most once at a time, so that a slow one holds up only itself."""

    def __init__(self, databases: Databases, pool: Executor) -> None:
        self._databases = databases
        self._pool = pool
        self._running: dict[Key, asyncio.Future[bytes]] = {}
        self._made: dict[tuple[Key, float], Collector] = {}

    async def page(self, name: str, params: Params, seconds: float) -> bytes:
        """The exposition text of one collector. Raises NotFound, UsageError, or Unreachable after `seconds`."""
        key = (name, tuple(sorted(params.items())))
        work = self._running.get(key)
        if work is None:
            work = self._begin(key, self._collector(name, params, seconds))
        try:
            return await asyncio.wait_for(asyncio.shield(work), seconds)
        except TimeoutError as error:
            raise Unreachable(f"the collector {name} took longer than {seconds:g}s") from error

    def _begin(self, key: Key, collector: Collector) -> asyncio.Future[bytes]:
        """One run, which whoever asks meanwhile shares."""
        work = asyncio.get_running_loop().run_in_executor(self._pool, _collect, collector)
        self._running[key] = work

        def done(finished: asyncio.Future[bytes]) -> None:
            del self._running[key]
            if not finished.cancelled():
                finished.exception()

        work.add_done_callback(done)
        return work

    def _collector(self, name: str, params: Params, seconds: float) -> Collector:
        factory = dict(COLLECTORS).get(name)
        if factory is None:
            raise NotFound(f"no collector {name!r}", f"there are: {', '.join(n for n, _ in COLLECTORS)}")
        key = ((name, tuple(sorted(params.items()))), seconds)
        if key not in self._made:
            if len(self._made) > 200:
                self._made.clear()
            try:
                self._made[key] = factory(params, self._databases, seconds)
            except CollectorError as error:
                raise UsageError(str(error), error.hint) from error
        return self._made[key]


def _collect(collector: Collector) -> bytes:
    try:
        return exposition(collector)
    except CollectorError as error:
        raise OpsctlError(str(error), error.hint) from error
