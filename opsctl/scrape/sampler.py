"""Turns the pages of one target into batches: labels, relabelling, limits, staleness, and the target's own series."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.metadata import Metadata
from opsctl.model.series import STALE
from opsctl.relabel import relabel
from opsctl.scrape.limits import LabelLimitExceeded, LimitExceeded, SampleLimitExceeded, check_labels, check_names
from opsctl.scrape.metadata import Said, collected
from opsctl.scrape.parse import BadExposition, Exposition
from opsctl.scrape.series_text import BadSeries, read_series
from opsctl.scrape.stamps import stamped_batches
from opsctl.scrape.target import Target

REPORTS = (
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)  # fmt: skip
EXTRA_REPORTS = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
_FUTURE_MS = 600_000
"""A sample that is stamped further ahead than this is left out."""


@dataclass(slots=True)
class _Reading:
    """The labelled samples of one page."""

    labels: tuple[Labels, ...] = ()
    values: list[float] = field(default_factory=list)
    scraped: int = 0
    kept: int = 0
    added: int = 0


class Sampler:
    """Remembers one target's series from page to page. Not safe for several threads at once.

    `before`: the sampler of the same target under its former configuration; what no longer comes goes stale.
    `extra`: whether the target's own series include its timeout, limit and page size.
    """

    def __init__(self, target: Target, before: Sampler | None = None, extra: bool = False) -> None:
        self.target = target
        self._known: dict[str, Labels | None] = {}
        self._keys: list[str] = []
        self._openmetrics = False
        self._reading: tuple[Labels, ...] = ()
        self._kept = 0
        self._positions: list[int] | None = None
        self._previous: tuple[Labels, ...] = before._previous if before else ()
        self._tracked: tuple[Labels, ...] = before._tracked if before else ()
        self._seen: tuple[Labels, ...] = before._seen if before else ()
        self._comments: list[Said] = []
        self._extra = extra or bool(target.job.extra_scrape_metrics)
        self.report_names = (*REPORTS, *EXTRA_REPORTS) if self._extra else REPORTS
        own = _report_labels(target.labels)
        self._reports = tuple(Labels({METRIC_NAME: name, **own}) for name in self.report_names)
        self._joined: tuple[tuple[Labels, ...], tuple[Labels, ...], tuple[Labels, ...]] = ((), (), self._reports)
        self.metadata: dict[str, Metadata] = before.metadata if before else {}
        self.repeated = 0
        """Samples of the last page whose series stood there before."""

    def page(self, page: Exposition, at_ms: int, seconds: float, size: int = 0) -> list[Batch]:
        """The batches of a good page of `size` bytes. Raises BadExposition or LimitExceeded: then ask failed()."""
        if page.stamped and not self.target.job.honor_timestamps:
            page = _unstamped(page)
        reading = self._read(page)
        if self._comments != page.comments:
            self._comments, self.metadata = page.comments, collected(page.comments)
        kinds = _Kinds(page.kinds, 1)
        labelled = ((self._labels(key, kinds.at(i)), value, at) for i, (key, value, at) in enumerate(page.stamped))
        own = [(labels, value, at) for labels, value, at in labelled if labels is not None]
        in_time = [one for one in own if one[2] <= at_ms + _FUTURE_MS]
        tracked = tuple({labels for labels, *_ in in_time}) if self.target.job.track_timestamps_staleness else ()
        reports = self._report(1.0, seconds, (reading.scraped, reading.kept, reading.added), size)
        batch = self._batch(at_ms, reading.labels, reading.values, tracked, reports)
        return [batch, *stamped_batches(self.target.source, in_time)]

    def failed(self, at_ms: int, seconds: float, failure: Exception | None = None, size: int = 0) -> list[Batch]:
        """The batch of a scrape that failed: every series stale, up 0, and what was counted before it failed."""
        counts = self._counts(failure)
        return [self._batch(at_ms, (), [], (), self._report(0.0, seconds, counts, size))]

    def ended(self, at_ms: int) -> Batch:
        """The batch of a target that is no more: all stale."""
        gone = tuple(dict.fromkeys((*self._previous, *self._tracked, *self._reports)))
        return Batch(self.target.source, at_ms, gone, np.full(len(gone), STALE))

    def _report(self, up: float, seconds: float, counts: Iterable[float], size: int) -> tuple[float, ...]:
        own = (up, seconds, *counts)
        return (*own, self.target.timeout, self.target.job.sample_limit, size) if self._extra else own

    def _counts(self, failure: Exception | None) -> tuple[float, float, float]:
        """Of a page that was read in part: its samples, those after relabelling, and those of new series."""
        if isinstance(failure, LimitExceeded):
            return failure.counts
        if not isinstance(failure, BadExposition) or failure.page is None:
            return (0.0, 0.0, 0.0)
        self._take_format(failure.page)
        keys = [*failure.page.keys, *(key for key, *_ in failure.page.stamped)]
        kept: list[Labels] = []
        with contextlib.suppress(LimitExceeded, BadExposition):
            kept.extend(labels for key in keys if (labels := self._labels(key)) is not None)
        return (float(len(keys)), float(len(kept)), float(self._note_more(kept)))

    def _batch(
        self, at_ms: int, labels: tuple[Labels, ...], values: list[float], tracked: tuple[Labels, ...],
        reports: tuple[float, ...],
    ) -> Batch:  # fmt: skip
        vanished: tuple[Labels, ...] = ()
        if self._previous is not labels or self._tracked or tracked:
            now = {*labels, *tracked}
            vanished = tuple(one for one in (*self._previous, *self._tracked) if one not in now)
            self._previous, self._tracked = labels, tracked
        everything = (*values, *(STALE for _ in vanished), *reports)
        return Batch(self.target.source, at_ms, self._join(labels, vanished), np.array(everything, dtype=np.float64))

    def _join(self, labels: tuple[Labels, ...], vanished: tuple[Labels, ...]) -> tuple[Labels, ...]:
        """Labels, vanished and reports in one tuple: the same object while nothing changes."""
        if self._joined[0] is not labels or self._joined[1] or vanished:
            self._joined = (labels, vanished, (*labels, *vanished, *self._reports))
        return self._joined[2]

    def _read(self, page: Exposition) -> _Reading:
        if page.keys != self._keys or page.openmetrics != self._openmetrics:
            self._learn(page)
        positions = self._positions
        values = page.values if positions is None else [page.values[i] for i in positions]
        limit = self.target.job.sample_limit
        scraped = len(page.keys) + len(page.stamped)
        kinds = _Kinds(page.kinds, 1)
        stamped = [self._labels(key, kinds.at(i)) for i, (key, _, _) in enumerate(page.stamped)]
        kept = self._kept + sum(labels is not None for labels in stamped)
        self.repeated = self._kept - len(self._reading)
        if limit and kept > limit:
            added = self._note_more(self._reading[:limit])
            raise SampleLimitExceeded("sample limit exceeded", scraped, kept, added)
        return _Reading(self._reading, values, scraped, kept, self._note_new(self._reading))

    def _note_new(self, series: tuple[Labels, ...]) -> int:
        """How many of a page's series were not on the last page that could be read; this is the last one now."""
        added = 0 if self._seen is series else len(set(series).difference(self._seen))
        self._seen = series
        return added

    def _note_more(self, series: Sequence[Labels]) -> int:
        """The same for a page that failed: its series are known from now on, besides those of the last good one."""
        new = [one for one in dict.fromkeys(series) if one not in set(self._seen)]
        self._seen = (*self._seen, *new)
        return len(new)

    def _learn(self, page: Exposition) -> None:
        """Takes the series of a page: of one that stands there twice, the first."""
        keys = page.keys
        self._take_format(page)
        if len(self._known) > 2 * len(keys) + 1000:
            self._known.clear()
        first: dict[Labels, int] = {}
        count = 0
        kinds = _Kinds(page.kinds, 0)
        for place, key in enumerate(keys):
            try:
                labels = self._labels(key, kinds.at(place))
            except LabelLimitExceeded as error:
                error.counts = (place + 1.0, float(count), float(self._note_more(tuple(first))))
                raise
            except BadExposition as error:
                error.page = Exposition(page.openmetrics, keys[: place + error.counted])
                raise
            if labels is not None:
                count += 1
                first.setdefault(labels, place)
        self._positions = None if len(first) == len(keys) else list(first.values())
        self._reading, self._kept, self._keys = tuple(first), count, keys

    def _take_format(self, page: Exposition) -> None:
        """Series are written in another way in another format."""
        if page.openmetrics != self._openmetrics:
            self._known.clear()
            self._openmetrics = page.openmetrics

    def _labels(self, key: str, kind: str = "") -> Labels | None:
        """The series' final labels, or None when relabelling drops it."""
        if key in self._known:
            return self._known[key]
        try:
            merged = self._merge(read_series(key, self._openmetrics, kind))
        except BadSeries as error:
            raise BadExposition(str(error), counted=error.counted) from error
        changed = relabel(merged, self.target.job.metric_relabel_configs)
        labels = (Labels(changed) if changed else None) or None
        if labels is not None:
            check_names(labels, legacy=self.target.job.metric_name_validation_scheme == "legacy")
            check_labels(labels, self.target.job)
        self._known[key] = labels
        return labels

    def _merge(self, own: dict[str, str]) -> dict[str, str]:
        """The page's labels and the target's; a conflict goes as honor_labels says."""
        target = self.target.labels
        if self.target.job.honor_labels:
            return {name: value for name, value in {**target, **own}.items() if value}
        merged = {name: value for name, value in {**own, **target}.items() if value}
        for name in sorted((name for name in target if own.get(name)), key=len):
            kept = f"exported_{name}"
            while kept in merged:
                kept = f"exported_{kept}"
            merged[kept] = own[name]
        return merged


def _report_labels(target: Labels) -> dict[str, str]:
    """A target's labels on its own series: `x` takes an `exported_x` away, as in Prometheus."""
    found: dict[str, str] = {}
    for name, value in target.items():
        found.pop(f"exported_{name}", None)
        found[name] = value
    return found


class _Kinds:
    """The type in force at a place among the keys (`column` 0) or among the stamped (1), asked with rising places."""

    def __init__(self, kinds: list[tuple[int, int, str]], column: Literal[0, 1]) -> None:
        self._rest: Iterator[tuple[int, str]] = iter([(kind[column], kind[2]) for kind in kinds])
        self._kind = ""
        self._next = next(self._rest, None)

    def at(self, place: int) -> str:
        while self._next is not None and self._next[0] <= place:
            self._kind = self._next[1]
            self._next = next(self._rest, None)
        return self._kind


def _unstamped(page: Exposition) -> Exposition:
    keys = [*page.keys, *(key for key, _, _ in page.stamped)]
    values = [*page.values, *(value for _, value, _ in page.stamped)]
    return Exposition(page.openmetrics, keys, values, [], page.kinds, page.comments)
