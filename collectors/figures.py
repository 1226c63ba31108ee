"""Business figures: SQL that answers with a number for an instant, as gauges now and as history over many instants.

A figure is a function of database and instant: its SQL takes `:now` (epoch seconds) and looks at a bounded, indexed
window before it. So the same SQL, run over the past, gives the series that would have been collected then.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.metrics_core import Metric

from collectors.errors import CollectorError, NotReachable
from collectors.families import gauge, gauges
from collectors.sql import ENGINES, Database, DatabaseError

_NOW = re.compile(r"(?<![:\w]):now\b")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_CHUNK = 1440


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. `sql` gives one number, or rows of `labels` columns and a last column with the number. NULL: none."""

    name: str
    help: str
    sql: str
    labels: tuple[str, ...] = ()
    history: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise CollectorError(f"not a metric name: {self.name!r}", "letters, digits and _ only")
        if not _NOW.search(self.sql):
            raise CollectorError(f"the SQL of {self.name} does not use :now", "a figure is a function of the instant")

    def at(self, instant: str) -> str:
        """The SQL with `instant` (a literal or a column) in the place of :now."""
        return _NOW.sub(instant, self.sql.strip().rstrip(";"))


@dataclass(frozen=True)
class Progress:
    """How far `history` is: instants done of all."""

    done: int
    total: int


@dataclass
class History:
    """One series over the past: `times` in epoch seconds, rising; an instant without a value is not there."""

    name: str
    labels: dict[str, str]
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def as_figures(figures: Sequence[Figure | Mapping[str, Any]]) -> tuple[Figure, ...]:
    """Figures from mappings with the same keys, as YAML gives them."""
    made = (f if isinstance(f, Figure) else Figure(**{**f, "labels": tuple(f.get("labels", ()))}) for f in figures)
    return tuple(made)


class FiguresCollector:
    """Evaluates the figures at `now()`, read-only, all of them within `timeout` seconds."""

    def __init__(
        self,
        url: str,
        figures: Sequence[Figure | Mapping[str, Any]],
        timeout: float = 5.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._figures, self._timeout, self._now = url, as_figures(figures), timeout, now

    def collect(self) -> Iterator[Metric]:
        """A figure whose SQL fails is missing and has success 0; a database that does not answer is figures_up 0."""
        instant, took, success = str(int(self._now())), [], []
        try:
            with closing(database(self._url, self._timeout)) as connected:
                for figure in self._figures:
                    start = time.perf_counter()
                    family = _evaluate(connected, figure, instant)
                    if family is not None and family.samples:
                        yield family
                    success.append(([figure.name], float(family is not None)))
                    took.append(([figure.name], time.perf_counter() - start))
                up = 1.0
        except NotReachable:
            up = 0.0
        yield gauge("figures_up", "Whether the database of the figures answers.", up)
        yield gauges("figure_success", "Whether the figure's SQL gave an answer.", ["figure"], success)
        yield gauges("figure_duration_seconds", "How long the figure's SQL took.", ["figure"], took)


def _evaluate(connected: Database, figure: Figure, instant: str) -> Metric | None:
    try:
        rows = connected.rows(figure.at(instant))
        pairs = [_labelled(figure, row) for row in rows if row[-1] is not None]
    except DatabaseError:
        return None
    return gauges(figure.name, figure.help, figure.labels, pairs)


def _labelled(figure: Figure, row: Sequence[Any]) -> tuple[tuple[str, ...], float]:
    if len(row) != len(figure.labels) + 1:
        raise DatabaseError(f"{figure.name}: {len(row)} columns, expected {len(figure.labels)} labels and a value")
    return tuple("" if value is None else str(value) for value in row[:-1]), float(row[-1])


def history(
    url: str,
    figures: Sequence[Figure | Mapping[str, Any]],
    instants: Sequence[int],
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> list[History]:
    """The figures that have a history over `instants` (rising), in few set-based queries.

    Raises CollectorError when a figure's SQL is wrong, NotReachable when the database does not answer.
    """
    wanted = [figure for figure in as_figures(figures) if figure.history]
    found: dict[tuple[str, tuple[str, ...]], History] = {}
    with closing(database(url, timeout=600.0)) as connected:
        for start in range(0, len(instants), _CHUNK):
            chunk = instants[start : start + _CHUNK]
            for figure, instant, labels, value in _chunk(connected, wanted, chunk):
                key = (figure.name, labels)
                if key not in found:
                    found[key] = History(figure.name, dict(zip(figure.labels, labels, strict=True)))
                found[key].times.append(instant)
                found[key].values.append(value)
            on_progress(Progress(start + len(chunk), len(instants)))
    return list(found.values())


_Point = tuple[Figure, int, tuple[str, ...], float]


def _chunk(connected: Database, figures: Sequence[Figure], instants: Sequence[int]) -> Iterator[_Point]:
    """The points of some instants: all plain figures in one query, those with labels one query an instant."""
    plain = [figure for figure in figures if not figure.labels]
    try:
        for row in connected.over(instants, [figure.at for figure in plain]):
            for figure, value in zip(plain, row[1:], strict=True):
                if value is not None:
                    yield figure, int(row[0]), (), float(value)
        for figure in figures:
            for instant in instants if figure.labels else ():
                for row in connected.rows(figure.at(str(instant))):
                    if row[-1] is not None:
                        yield (figure, instant, *_labelled(figure, row))
    except DatabaseError as error:
        raise CollectorError(f"a figure's SQL failed: {error}", "try it with: opsctl collect figures") from error


def database(url: str, timeout: float) -> Database:
    """Opens the database of `url` read-only; every wait is bounded by `timeout` seconds."""
    for engine in ENGINES:
        if url.partition(":")[0].partition("+")[0] in engine.schemes:
            return engine(url, timeout)
    raise CollectorError("figures need a database URL", "sqlite:///FILE or mysql://USER:PASSWORD@HOST:PORT/DATABASE")


def by_name(series: Sequence[History]) -> dict[str, list[History]]:
    """The series of each figure."""
    grouped: dict[str, list[History]] = defaultdict(list)
    for one in series:
        grouped[one.name].append(one)
    return grouped
