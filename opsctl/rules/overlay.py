"""A querier over another, with samples that are not stored yet: later rules of a group see what earlier ones wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.matcher import Matcher, matches_all
from opsctl.model.series import Querier, Series

_Question = tuple[tuple[Matcher, ...], int, int]


class Overlay:
    """Asks the base once for each selector and span; samples added since lie on top."""

    def __init__(self, base: Querier) -> None:
        self._base = base
        self._asked: dict[_Question, Sequence[Series]] = {}
        self._added: dict[str, dict[Labels, tuple[int, float]]] = {}

    def add(self, labels: Labels, at_ms: int, value: float) -> None:
        self._added.setdefault(labels.name, {})[labels] = (at_ms, value)

    @property
    def fresh(self) -> bool:
        """Whether anything was written on top."""
        return bool(self._added)

    def touched_by(self, matchers: Sequence[Matcher]) -> bool:
        """Whether a selector meets a series that was written on top."""
        named = [m for m in matchers if m.name == METRIC_NAME]
        return any(
            matches_all(matchers, labels)
            for name, samples in self._added.items()
            if matches_all(named, {METRIC_NAME: name})
            for labels in samples
        )

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Series]:
        question = (tuple(matchers), start_ms, end_ms)
        found = self._asked.get(question)
        if found is None:
            found = self._asked[question] = self._base.select(matchers, start_ms, end_ms)
        named = [m for m in matchers if m.name == METRIC_NAME]
        fresh = {
            labels: sample
            for name, samples in self._added.items()
            if matches_all(named, {METRIC_NAME: name})
            for labels, sample in samples.items()
            if start_ms <= sample[0] <= end_ms and matches_all(matchers, labels)
        }
        if not fresh:
            return found
        merged = [_with(series, fresh.pop(series.labels, None)) for series in found]
        return merged + [_alone(labels, *sample) for labels, sample in fresh.items()]


def _with(series: Series, sample: tuple[int, float] | None) -> Series:
    if sample is None:
        return series
    before = series.times < sample[0]
    times = np.append(series.times[before], sample[0])
    return Series(series.labels, times, np.append(series.values[before], sample[1]))


def _alone(labels: Labels, at_ms: int, value: float) -> Series:
    return Series(labels, np.array([at_ms], dtype=np.int64), np.array([value]))
