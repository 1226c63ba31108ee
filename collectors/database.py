"""Which collector looks at which database."""

from __future__ import annotations

from collectors.errors import CollectorError
from collectors.families import Collector
from collectors.mariadb import MariadbCollector
from collectors.sqlite import SqliteCollector

COLLECTORS: tuple[tuple[tuple[str, ...], type[SqliteCollector] | type[MariadbCollector]], ...] = (
    (("sqlite",), SqliteCollector),
    (("mysql", "mariadb"), MariadbCollector),
)


def database_collector(url: str) -> Collector:
    """The collector for the database that `url` names."""
    scheme = url.partition(":")[0].partition("+")[0]
    for schemes, collector in COLLECTORS:
        if scheme in schemes:
            return collector(url)
    raise CollectorError(
        f"no collector for a database of kind {scheme!r}", "sqlite:///FILE or mysql://USER:PASSWORD@HOST:PORT/DATABASE"
    )
