"""The verbs of reading logs: search, tail."""

from __future__ import annotations

from opsctl.logs.query import Query, narrow, parse_query, parse_time
from opsctl.logs.store import LogStore, Page
from opsctl.model.logline import LogLine

_LATE_SECONDS = 30.0
_MOST = 1000


def search(
    store: LogStore, text: str, now: float, *, since: str = "", until: str = "", limit: int = 100, service: str = "",
    level: str = "",
) -> Page:  # fmt: skip
    """Lines of a query string, newest first. Raises UsageError when a part of it is not understood.

    `since`, `until`: see parse_time; '' is the beginning, and an hour ahead of now (clocks differ).
    """
    query = narrow(parse_query(text, now), service, level)
    begin = parse_time(since, now) if since else 0.0
    end = parse_time(until, now) if until else now + 3600
    return store.search(query, begin, end, limit)


class Tail:
    """New lines of a query, each given once; one that is up to 30 s late is still given."""

    def __init__(self, store: LogStore, query: Query, since: float) -> None:
        self._store = store
        self._query = query
        self._since = since
        self._given: dict[str, float] = {}

    def step(self, now: float) -> tuple[LogLine, ...]:
        """The lines that came since the last step, oldest first."""
        begin = max(self._since, now - _LATE_SECONDS) if self._given else self._since
        page = self._store.search(self._query, begin, now + 3600, _MOST)
        fresh = [line for line in reversed(page.lines) if line.id not in self._given]
        self._given = {key: at for key, at in self._given.items() if at > now - 2 * _LATE_SECONDS}
        self._given |= {line.id: max(line.at, now) for line in fresh}
        return tuple(fresh)
