"""Figures of the past as the series that scraping them would have left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

import numpy as np

from collectors.errors import CollectorError
from collectors.errors import NotReachable as CollectorNotReachable
from collectors.figures import history
from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series
from opsctl.scrape.collectors import Databases, Monitored
from opsctl.scrape.config import PrometheusConfig
from opsctl.scrape.target import Target, expand

Progress = Callable[[str, int, int], None]


def past_figures(
    config: PrometheusConfig, databases: Databases, instants: Sequence[int], on_progress: Progress
) -> Iterator[Series]:
    """For each scraped `/collectors/figures` target, its figures at `instants` (epoch seconds, rising).

    `on_progress(database, done, total)`. Raises Unreachable, or OpsctlError when a figure's SQL is wrong.
    """
    for name, target in _targets(config):
        if name in databases:
            yield from _of(name, databases[name], target, instants, on_progress)


def _targets(config: PrometheusConfig) -> Iterator[tuple[str, Target]]:
    for job in config.scrape_configs:
        for target in expand(job, job.static_configs):
            if isinstance(target, Target) and urlsplit(target.url).path == "/collectors/figures":
                yield parse_qs(urlsplit(target.url).query).get("name", [""])[0], target


def _of(
    name: str, database: Monitored, target: Target, instants: Sequence[int], on_progress: Progress
) -> Iterator[Series]:
    try:
        found = history(database.url, database.figures, instants, lambda p: on_progress(name, p.done, p.total))
    except CollectorNotReachable as error:
        raise Unreachable(str(error), error.hint) from error
    except CollectorError as error:
        raise OpsctlError(str(error), error.hint) from error
    for one in found:
        labels = Labels({**one.labels, **target.labels, METRIC_NAME: one.name})
        yield Series(labels, np.array(one.times, dtype=np.int64) * 1000, np.array(one.values, dtype=np.float64))
