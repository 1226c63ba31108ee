"""The Elasticsearch log store: an index a day behind an alias, with a template of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import streaming_bulk

from opsctl.core.clock import iso, parse_iso
from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.core.log import Log
from opsctl.core.settings import Settings
from opsctl.logs.elastic_query import WORDS, compile_query
from opsctl.logs.line import words_of
from opsctl.logs.query import Query
from opsctl.logs.store import Page, StoreStats
from opsctl.model.logline import LogLine

LOG = Log("opsctl.logs")
ALIAS = "opsctl-logs"
_ID, _KEPT = "opsctl.id", "opsctl.unmapped"
_CHUNK = 2_000

_MAPPINGS: dict[str, Any] = {
    "subobjects": False,
    "date_detection": False,
    "_source": {"excludes": [WORDS]},
    "dynamic_templates": [
        {"numbers": {"match_mapping_type": "long", "mapping": {"type": "double"}}},
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "text", "norms": False}}},
    ],
    "properties": {
        "@timestamp": {"type": "date", "format": "strict_date_optional_time||epoch_millis"},
        "log.level": {"type": "keyword"},
        "service.name": {"type": "keyword"},
        "trace.id": {"type": "keyword"},
        "message": {"type": "text", "norms": False},
        WORDS: {"type": "text", "norms": False},
        _ID: {"type": "keyword"},
        _KEPT: {"type": "keyword", "index": False, "doc_values": False},
    },
}
_SETTINGS = {
    "number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "5s",
    "mapping.ignore_malformed": True, "mapping.coerce": False,
    "mapping.total_fields.ignore_dynamic_beyond_limit": True,
}  # fmt: skip


def open_store(settings: Settings) -> ElasticStore:
    """The store at `logs.url`; its account may stand in the URL."""
    return ElasticStore(settings.logs.url)


class ElasticStore:
    """Implements LogStore with what every 8.x and 9.x cluster has: no ILM, no data streams, no pipelines."""

    def __init__(self, url: str, alias: str = ALIAS, timeout: float = 30.0) -> None:
        self._client = Elasticsearch(url, request_timeout=timeout, max_retries=1, retry_on_timeout=False)
        self._alias = alias
        self._day = re.compile(rf"^{re.escape(alias)}-(\d{{4}})\.(\d{{2}})\.(\d{{2}})$")
        self._ready = False
        self._fresh = True

    def append(self, lines: Sequence[LogLine]) -> None:
        with _reached():
            self._prepare()
            self._fresh = False
            refused = self._bulk([_document(line) for line in lines], lines)
            if refused:
                LOG.warning("logs.unmapped", count=len(refused), reason=refused[0][1])
                failed = self._bulk([_document(line, whole=False) for line, _ in refused], [r[0] for r in refused])
                if failed:
                    raise OpsctlError(f"Elasticsearch refuses a log line: {failed[0][1]}", "see its own log")

    def search(self, query: Query, since: float, until: float, limit: int) -> Page:
        with _reached():
            if not self._fresh:
                self._client.indices.refresh(index=f"{self._alias}-*", ignore_unavailable=True, allow_no_indices=True)
                self._fresh = True
            answer = self._client.search(
                index=f"{self._alias}-*", ignore_unavailable=True, allow_no_indices=True, size=limit,
                query=compile_query(query, round(since * 1000), round(until * 1000)), track_total_hits=True,
                sort=[{"@timestamp": {"order": "desc", "unmapped_type": "date"}},
                      {_ID: {"order": "desc", "unmapped_type": "keyword"}}],
            )  # fmt: skip
        hits = answer["hits"]
        return Page(tuple(_line(hit["_source"]) for hit in hits["hits"]), int(hits["total"]["value"]))

    def delete_before(self, at: float) -> tuple[str, ...]:
        with _reached():
            gone = {name: day for name, day in self._listed().items() if _end(day) <= at}
            for name in gone:
                self._client.indices.delete(index=name, ignore_unavailable=True)
        return tuple(sorted(day.date().isoformat() for day in gone.values()))

    def stats(self) -> StoreStats:
        with _reached():
            days = tuple(sorted(day.date().isoformat() for day in self._listed().values()))
            found = self._client.indices.stats(index=f"{self._alias}-*", metric=["docs", "store"])
        totals = found["_all"]["primaries"]
        documents = totals.get("docs", {}).get("count", 0)
        return StoreStats(int(documents), int(totals.get("store", {}).get("size_in_bytes", 0)), days)

    def close(self) -> None:
        self._client.close()

    def _prepare(self) -> None:
        if self._ready:
            return
        self._client.indices.put_index_template(
            name=self._alias, index_patterns=[f"{self._alias}-*"], priority=500,
            template={"settings": {"index": _SETTINGS}, "mappings": _MAPPINGS, "aliases": {self._alias: {}}},
        )  # fmt: skip
        self._ready = True

    def _bulk(self, documents: list[dict[str, Any]], lines: Sequence[LogLine]) -> list[tuple[LogLine, str]]:
        """Writes documents by id; returns those that their mapping refused. Raises Unreachable for all other failures."""
        actions = (
            {"_index": self._index(line.at), "_id": line.id, "_source": document}
            for line, document in zip(lines, documents, strict=True)
        )
        refused: list[tuple[LogLine, str]] = []
        results = streaming_bulk(self._client, actions, chunk_size=_CHUNK, raise_on_error=False, max_retries=0)
        for line, (ok, item) in zip(lines, results, strict=True):
            outcome = item["index"]
            if not ok and outcome["status"] == 400:
                refused.append((line, str(outcome["error"].get("reason", outcome["error"]))))
            elif not ok:
                raise Unreachable(
                    f"Elasticsearch did not take a line: {outcome['status']} {outcome.get('error')}",
                    "it is tried again",
                )
        return refused

    def _index(self, at: float) -> str:
        return f"{self._alias}-{datetime.fromtimestamp(at, UTC):%Y.%m.%d}"

    def _listed(self) -> dict[str, datetime]:
        found = self._client.indices.get(index=f"{self._alias}-*", ignore_unavailable=True, allow_no_indices=True)
        matches = ((name, self._day.match(name)) for name in found)
        return {name: datetime(int(m[1]), int(m[2]), int(m[3]), tzinfo=UTC) for name, m in matches if m}


def _document(line: LogLine, whole: bool = True) -> dict[str, Any]:
    own: dict[str, Any] = {
        "@timestamp": iso(line.at), "log.level": line.level, "service.name": line.service, "trace.id": line.trace_id,
        "message": line.message, WORDS: words_of(line), _ID: line.id,
    }  # fmt: skip
    kept = {k: v for k, v in own.items() if v or k == "message"}
    if whole:
        return {**line.fields, **kept}
    return {**kept, _KEPT: orjson.dumps(dict(line.fields)).decode()[:32_000]}


def _line(source: dict[str, Any]) -> LogLine:
    rest = dict(source)
    at = parse_iso(rest.pop("@timestamp"))
    own = {k: str(rest.pop(k, "")) for k in ("log.level", "service.name", "message", "trace.id", _ID)}
    kept = rest.pop(_KEPT, "")
    fields = orjson.loads(kept) if kept.endswith("}") else rest
    return LogLine(at, own["log.level"], own["service.name"], own["message"], own["trace.id"], fields, own[_ID])


def _end(day: datetime) -> float:
    return (day + timedelta(days=1)).timestamp()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except TransportError as error:
        raise Unreachable(
            f"Elasticsearch does not answer: {error.message}", "look at logs.url in opsctl.yml"
        ) from error
    except ApiError as error:
        raise Unreachable(
            f"Elasticsearch refuses: {error.status_code} {error.message}", "look at its own log"
        ) from error
