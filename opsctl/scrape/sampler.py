"""Turns the pages of one target into batches: labels, relabelling, limits, staleness, and the target's own series."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import STALE
from opsctl.relabel import relabel
from opsctl.scrape.config import ScrapeLimits
from opsctl.scrape.parse import BadExposition, Exposition, Metadata, parse_comments, parse_series
from opsctl.scrape.stamps import stamped_batches
from opsctl.scrape.target import Target

REPORTS = (
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)  # fmt: skip
_FUTURE_MS = 600_000
"""A sample that is stamped further ahead than this is left out."""


class LimitExceeded(ValueError):
    """The page is larger than the job allows. It counted so many samples, so many after relabelling, so many new."""

    def __init__(self, message: str, scraped: int = 0, kept: int = 0, added: int = 0) -> None:
        super().__init__(message)
        self.counts = (float(scraped), float(kept), float(added))


class SampleLimitExceeded(LimitExceeded):
    """It has more samples than sample_limit."""


class LabelLimitExceeded(LimitExceeded):
    """A series has more or longer labels than the job's label limits."""


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
    """

    def __init__(self, target: Target, before: Sampler | None = None) -> None:
        self._target = target
        self._known: dict[str, Labels | None] = {}
        self._keys: list[str] = []
        self._reading: tuple[Labels, ...] = ()
        self._kept = 0
        self._positions: list[int] | None = None
        self._previous: tuple[Labels, ...] = before._previous if before else ()
        self._good: tuple[Labels, ...] = before._good if before else ()
        self._comments: list[str] = []
        self._reports = tuple(Labels({METRIC_NAME: name, **target.labels}) for name in REPORTS)
        self._joined: tuple[tuple[Labels, ...], tuple[Labels, ...], tuple[Labels, ...]] = ((), (), self._reports)
        self.metadata: dict[str, Metadata] = {}

    def page(self, page: Exposition, at_ms: int, seconds: float) -> list[Batch]:
        """The batches of a good page. Raises BadExposition or LimitExceeded and changes nothing."""
        stamped = page.stamped
        if stamped and not self._target.job.honor_timestamps:
            page = _unstamped(page)
            stamped = []
        reading = self._read(page)
        if self._comments != page.comments:
            self._comments, self.metadata = page.comments, parse_comments(page.comments)
        reports = (1.0, seconds, reading.scraped, reading.kept, reading.added)
        self._good = reading.labels
        own = [(labels, value, at) for key, value, at in stamped if (labels := self._labels(key)) is not None]
        in_time = [one for one in own if one[2] <= at_ms + _FUTURE_MS]
        batch = self._batch(at_ms, reading.labels, reading.values, reports)
        return [batch, *stamped_batches(self._target.source, in_time)]

    def failed(self, at_ms: int, seconds: float, counts: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> list[Batch]:
        """The batch of a scrape that failed: every series stale, up 0; `counts`, where the page was read at all."""
        return [self._batch(at_ms, (), [], (0.0, seconds, *counts))]

    def ended(self, at_ms: int) -> Batch:
        """The batch of a target that is no more: all stale."""
        gone = (*self._previous, *self._reports)
        return Batch(self._target.source, at_ms, gone, np.full(len(gone), STALE))

    def _batch(self, at_ms: int, labels: tuple[Labels, ...], values: list[float], reports: tuple[float, ...]) -> Batch:
        vanished: tuple[Labels, ...] = ()
        if self._previous is not labels:
            now = set(labels)
            vanished = tuple(one for one in self._previous if one not in now)
            self._previous = labels
        everything = (*values, *(STALE for _ in vanished), *reports)
        return Batch(self._target.source, at_ms, self._join(labels, vanished), np.array(everything, dtype=np.float64))

    def _join(self, labels: tuple[Labels, ...], vanished: tuple[Labels, ...]) -> tuple[Labels, ...]:
        """Labels, vanished and reports in one tuple: the same object while nothing changes."""
        if self._joined[0] is not labels or self._joined[1] or vanished:
            self._joined = (labels, vanished, (*labels, *vanished, *self._reports))
        return self._joined[2]

    def _read(self, page: Exposition) -> _Reading:
        if page.keys != self._keys:
            self._learn(page.keys)
        positions = self._positions
        values = page.values if positions is None else [page.values[i] for i in positions]
        limit = self._target.job.sample_limit
        scraped = len(page.keys) + len(page.stamped)
        kept = self._kept + sum(self._labels(key) is not None for key, _, _ in page.stamped)
        added = 0 if self._good is self._reading else len(set(self._reading).difference(self._good))
        if limit and kept > limit:
            raise SampleLimitExceeded(f"sample limit exceeded: {kept} of {limit}", scraped, kept, min(added, limit))
        return _Reading(self._reading, values, scraped, kept, added)

    def _learn(self, keys: list[str]) -> None:
        """Takes the series of a page: of one that stands there twice, the first."""
        if len(self._known) > 2 * len(keys) + 1000:
            self._known.clear()
        first: dict[Labels, int] = {}
        count = 0
        for place, key in enumerate(keys):
            labels = self._labels(key)
            if labels is not None:
                count += 1
                first.setdefault(labels, place)
        self._positions = None if len(first) == len(keys) else list(first.values())
        self._reading, self._kept = tuple(first), count
        self._keys = keys

    def _labels(self, key: str) -> Labels | None:
        """The series' final labels, or None when relabelling drops it."""
        if key in self._known:
            return self._known[key]
        merged = self._merge(parse_series(key))
        rules = self._target.job.metric_relabel_configs
        if rules:
            changed = relabel(merged, rules)
            labels = (
                Labels({k: v for k, v in changed.items() if not k.startswith("__") or k == METRIC_NAME})
                if changed
                else None
            )
            if labels is not None and not labels.name:
                raise BadExposition(f"metric_relabel_configs leave {key[:80]!r} without a name")
        else:
            labels = Labels(merged)
        if labels is not None:
            check_labels(labels, self._target.job)
        self._known[key] = labels
        return labels

    def _merge(self, own: Labels) -> dict[str, str]:
        """The page's labels and the target's; a conflict goes as honor_labels says."""
        target = self._target.labels
        if self._target.job.honor_labels:
            return {**target, **own}
        merged = dict(own)
        for name, value in target.items():
            if name in own:
                kept = f"exported_{name}"
                while kept in own or kept in target:
                    kept = f"exported_{kept}"
                merged[kept] = own[name]
            merged[name] = value
        return merged


def check_labels(labels: Labels, limits: ScrapeLimits) -> None:
    """Raises LabelLimitExceeded. Lengths are in bytes, as Prometheus counts them."""
    most, name_length, value_length = (
        limits.label_limit, limits.label_name_length_limit, limits.label_value_length_limit,
    )  # fmt: skip
    if most and len(labels) > most:
        raise LabelLimitExceeded(
            f"label_limit exceeded (metric: {labels.name[:50]}, number of labels: {len(labels)}, limit: {most})"
        )
    if not (name_length or value_length):
        return
    for name, value in labels.items():
        for what, text, limit in (("name", name, name_length), ("value", value, value_length)):
            if limit and len(text.encode()) > limit:
                raise LabelLimitExceeded(
                    f"label_{what}_length_limit exceeded "
                    f"(metric: {labels.name[:50]}, label name: {name[:50]}, length: {len(text.encode())}, limit: {limit})"
                )


def _unstamped(page: Exposition) -> Exposition:
    keys = [*page.keys, *(key for key, _, _ in page.stamped)]
    values = [*page.values, *(value for _, value, _ in page.stamped)]
    return Exposition(keys, values, [], page.comments)
