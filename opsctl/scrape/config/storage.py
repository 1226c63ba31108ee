"""The `storage` part: what of it can be changed by a reload."""

from __future__ import annotations

from dataclasses import field

from opsctl.core.document import Source, document
from opsctl.scrape.config.fields import Bytes, Span


@document
class Retention:
    """How long (seconds) and how much (bytes) is kept; 0: as the flags say."""

    time: Span = 0.0
    size: Bytes = 0
    percentage: int = 0


@document
class Tsdb:
    """How far back (seconds) samples are taken out of order."""

    out_of_order_time_window: Span = 0.0
    retention: Retention | None = None


@document
class StorageConfig:
    """The `storage` part."""

    tsdb: Tsdb = field(default_factory=Tsdb)


def check_storage(source: Source, storage: StorageConfig) -> None:
    """Raises DocumentError."""
    if storage.tsdb.retention is not None:
        raise source.refuse(
            ("storage", "tsdb", "retention"),
            "is a Prometheus setting that opsctl does not have",
            "use the flags --storage.tsdb.retention.time and .size",
        )
