"""The embedded log store: a Tantivy index a day, below one folder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import tantivy

from opsctl.core.errors import StateError
from opsctl.core.folder import OwnedFolder
from opsctl.core.log import Log
from opsctl.core.settings import Settings
from opsctl.logs.line import words_of
from opsctl.logs.query import Query
from opsctl.logs.store import Page, StoreStats
from opsctl.logs.tantivy_query import WORDS, build_schema, compile_query, register
from opsctl.model.logline import LogLine

LOG = Log("opsctl.logs")
_HEAP = 30_000_000
_WRITERS = 3


def open_store(settings: Settings) -> TantivyStore:
    """The store at home/ops/logs."""
    return TantivyStore(settings.home_path / "ops" / "logs")


class TantivyStore:
    """Implements LogStore. This process alone opens the folder; a commit survives kill -9 and power loss."""

    def __init__(self, folder: Path) -> None:
        self._owned = OwnedFolder(folder, version=1)
        self._days = folder / "days"
        self._days.mkdir(exist_ok=True)
        for half_deleted in self._days.glob("deleting-*"):
            shutil.rmtree(half_deleted, ignore_errors=True)
        self._schema = build_schema()
        self._indexes: dict[str, tantivy.Index] = {}
        self._writers: dict[str, tantivy.IndexWriter] = {}
        self._lock = threading.RLock()

    def append(self, lines: Sequence[LogLine]) -> None:
        by_day: dict[str, list[LogLine]] = {}
        for line in lines:
            by_day.setdefault(_day(line.at), []).append(line)
        with self._lock:
            for day, mine in sorted(by_day.items()):
                self._write(day, mine)

    def search(self, query: Query, since: float, until: float, limit: int) -> Page:
        compiled = compile_query(query, self._schema, round(since * 1000), round(until * 1000))
        found: list[LogLine] = []
        total = 0
        for day in reversed(self._listed()):
            if not _touches(day, since, until):
                continue
            searcher = self._index(day).searcher()
            left = max(limit - len(found), 0)
            result = searcher.search(compiled, max(left, 1), order_by_field="at")
            total += result.count  # type: ignore[attr-defined]  # missing from its stubs
            found += [_line(searcher, address) for _, address in result.hits[:left]]
        found.sort(key=lambda line: (line.at, line.id), reverse=True)
        return Page(tuple(found), total)

    def delete_before(self, at: float) -> tuple[str, ...]:
        gone = tuple(day for day in self._listed() if _end(day) <= at)
        with self._lock:
            for day in gone:
                self._forget(day)
                doomed = (self._days / day).rename(self._days / f"deleting-{day}")
                shutil.rmtree(doomed, ignore_errors=True)
        return gone

    def stats(self) -> StoreStats:
        days = self._listed()
        documents = sum(self._index(day).searcher().num_docs for day in days)
        size = sum(_size(p) for p in self._days.rglob("*"))
        return StoreStats(documents, size, tuple(days), sum(1 for _ in self._days.glob("damaged-*")))

    def close(self) -> None:
        with self._lock:
            for day in list(self._indexes):
                self._forget(day)
            self._owned.close()

    def _write(self, day: str, lines: Sequence[LogLine]) -> None:
        writer = self._writer(day)
        try:
            for line in lines:
                writer.delete_documents_by_term("id", line.id)
                writer.add_document(_document(line))
            writer.commit()
        except (ValueError, OSError) as error:
            self._forget(day)
            raise StateError(f"the log store cannot write {day}: {error}", "is the disk full?") from error
        self._index(day).reload()

    def _writer(self, day: str) -> tantivy.IndexWriter:
        if day not in self._writers:
            for old in list(self._writers)[: 1 - _WRITERS]:
                self._writers.pop(old).wait_merging_threads()
            self._writers[day] = self._index(day).writer(_HEAP, 1)
        return self._writers[day]

    def _index(self, day: str) -> tantivy.Index:
        with self._lock:
            if day not in self._indexes:
                self._indexes[day] = self._open(self._days / day)
            return self._indexes[day]

    def _open(self, path: Path) -> tantivy.Index:
        """A damaged day is put aside and named, so that the days after it are not lost with it."""
        path.mkdir(exist_ok=True)
        try:
            index = tantivy.Index(self._schema, path=str(path), reuse=True)
        except (ValueError, OSError) as error:
            aside = path.with_name(f"damaged-{path.name}-{datetime.now(UTC):%H%M%S}")
            path.rename(aside)
            LOG.error("logs.index_damaged", exc=error, day=path.name, moved_to=str(aside))
            path.mkdir()
            index = tantivy.Index(self._schema, path=str(path), reuse=True)
        register(index)
        return index

    def _forget(self, day: str) -> None:
        self._writers.pop(day, None)
        self._indexes.pop(day, None)

    def _listed(self) -> list[str]:
        return sorted(p.name for p in self._days.iterdir() if p.is_dir() and p.name[:1].isdigit())


def _document(line: LogLine) -> tantivy.Document:
    made = tantivy.Document()
    made.add_text("id", line.id)
    made.add_integer("at", round(line.at * 1000))
    for name, value in (("level", line.level), ("service", line.service), ("trace_id", line.trace_id)):
        if value:
            made.add_text(name, value)
    made.add_text("message", line.message)
    for text in words_of(line):
        made.add_text(WORDS, text)
    made.add_json("fields", dict(line.fields))
    made.add_bytes("source", orjson.dumps(line.as_dict()))
    return made


def _line(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> LogLine:
    stored = searcher.doc(address)
    found = orjson.loads(stored["source"][0])
    return LogLine(
        stored["at"][0] / 1000, found["level"], found["service"], found["message"], found["trace_id"],
        found["fields"], found["id"],
    )  # fmt: skip


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _end(day: str) -> float:
    following = date.fromisoformat(day) + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=UTC).timestamp()


def _touches(day: str, since: float, until: float) -> bool:
    return _end(day) > since and _end(day) - 86_400 < until


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0
