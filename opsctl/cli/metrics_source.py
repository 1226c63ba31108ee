"""Where `opsctl metrics` finds samples: the folder of a store that is stopped, or a server that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from opsctl.core.errors import NotFound, Unreachable
from opsctl.core.settings import load_settings
from opsctl.metrics.openmetrics_families import Known
from opsctl.metrics.remote import RemoteApi, RemoteStore
from opsctl.metrics.store import EmbeddedStore

StorePath = Annotated[
    Path | None,
    typer.Option("--storage.tsdb.path", help="The folder of a store that is stopped.", metavar="DIR"),
]
_ASK_SECONDS = 120.0


@dataclass(frozen=True)
class Place:
    """A server with Prometheus' API, and the token for it where it wants one."""

    url: str
    token_file: Path | None = None

    def api(self) -> RemoteApi:
        return RemoteApi(self.url, CollectorRegistry(), _ASK_SECONDS, self.token_file)


def place_of(url: str, role: str, config: str | None) -> Place:
    """The server at `url`, or the running product with a role's token. Raises Unreachable when there is no token."""
    if url:
        return Place(url)
    settings = load_settings(config)
    token = settings.home_path / "tokens" / role
    if not token.is_file():
        raise Unreachable(f"no token for role {role!r} in {token.parent}", "make up (or opsctl setup) makes them")
    return Place(settings.ops_url, token)


@contextmanager
def stopped_store(folder: Path) -> Iterator[EmbeddedStore]:
    """The store in a folder. Raises NotFound where there is none, StateError while somebody uses it."""
    if not (folder / "VERSION").is_file():
        raise NotFound(
            f"{folder} is not the folder of a store", "it is what --storage.tsdb.path names, or metrics under home"
        )
    store = EmbeddedStore(folder)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def source(folder: Path | None, url: str, role: str, config: str | None) -> Iterator[EmbeddedStore | RemoteStore]:
    """The samples of a folder, or of a server."""
    if folder is not None:
        with stopped_store(folder) as store:
            yield store
    else:
        yield RemoteStore(place_of(url, role, config).api())


def known_of(folder: Path | None, url: str, role: str, config: str | None) -> Mapping[str, Known]:
    """Types and helps, as far as a running server knows them; a folder has none."""
    if folder is not None:
        return {}
    found = place_of(url, role, config).api().ask("metadata", {}, "GET")["data"]
    return {
        name: Known(rows[0].get("type", "unknown"), rows[0].get("help", "")) for name, rows in found.items() if rows
    }
