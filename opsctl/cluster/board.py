"""The board: records that all members share, the last writer wins. No I/O.

A record is known by kind and key. Of two the one with the later `at` counts, of two at the same instant the one of the
greater name: whatever the order of arrival, all boards become the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """What member `by` wrote at `at` (epoch seconds). `data` is JSON; after `until` nobody needs it."""

    kind: str
    key: str
    at: float
    by: str
    until: float
    data: Any

    @property
    def mark(self) -> int:
        """64 bits of this very version."""
        text = f"{self.kind}\0{self.key}\0{self.at!r}\0{self.by}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())

    def json(self) -> list[Any]:
        return [self.kind, self.key, self.at, self.by, self.until, self.data]


def record_of(made: Any) -> Record:
    """The reverse of `json`. Raises ValueError."""
    if not isinstance(made, list) or len(made) != 6:
        raise ValueError("a record is a list of six")
    kind, key, at, by, until, data = made
    if not (isinstance(kind, str) and isinstance(key, str) and isinstance(by, str)):
        raise ValueError("a record's kind, key and writer are strings")
    if not all(isinstance(t, int | float) for t in (at, until)):
        raise ValueError("a record's times are numbers")
    return Record(kind, key, float(at), by, float(until), data)


class Board:
    """The records of one member, named `me`. `outbox` holds its own new ones until they are taken."""

    def __init__(self, me: str) -> None:
        self.me = me
        self._records: dict[tuple[str, str], Record] = {}
        self._digest = 0
        self._outbox: list[Record] = []

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records.values()))

    @property
    def digest(self) -> str:
        """The same for boards that hold the same versions."""
        return f"{self._digest:016x}"

    def get(self, kind: str, key: str) -> Record | None:
        return self._records.get((kind, key))

    def write(self, kind: str, key: str, data: Any, at: float, until: float) -> None:
        """A change of our own, to be told to the others. One that is older than what is known is none."""
        record = Record(kind, key, at, self.me, until, data)
        if self._put(record):
            self._outbox.append(record)

    def load(self, record: Record) -> None:
        """What was known in the last life: not new to anybody who is asked."""
        self._put(record)

    def merge(self, records: Iterable[Record], now: float) -> list[Record]:
        """Takes what is newer than ours and still needed; returns it."""
        return [r for r in records if r.until > now and self._put(r)]

    def taken(self) -> list[Record]:
        """The outbox, emptied."""
        out, self._outbox = self._outbox, []
        return out

    def forget(self, now: float) -> int:
        """Drops what nobody needs any more; returns how many."""
        gone = [r for r in self._records.values() if r.until <= now]
        for record in gone:
            del self._records[record.kind, record.key]
            self._digest ^= record.mark
        return len(gone)

    def _put(self, record: Record) -> bool:
        place = (record.kind, record.key)
        before = self._records.get(place)
        if before is not None and (before.at, before.by) >= (record.at, record.by):
            return False
        if before is not None:
            self._digest ^= before.mark
        self._records[place] = record
        self._digest ^= record.mark
        return True
