"""targets/metadata: what each target's page says of its metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.api.prometheus_params import Form, count_of
from opsctl.api.prometheus_selectors import selector_of
from opsctl.model.matcher import matches_all
from opsctl.scrape.manager import ScrapeManager, TargetState


def target_metadata(scraper: ScrapeManager, form: Form) -> list[dict[str, Any]]:
    """`match_target` (a selector over the targets' labels), `metric`, `limit`. Raises ApiError.

    No further target is looked at when there are `limit` rows; the last one's are all shown, as in Prometheus.
    """
    limit, chosen, metric = count_of(form, "limit"), form.get("match_target"), form.get("metric")
    matchers = selector_of(chosen, "match_target") if chosen else ()
    rows: list[dict[str, Any]] = []
    for state in scraper.states:
        if 0 <= limit <= len(rows):
            break
        if matches_all(matchers, state.target.labels):
            rows += _rows(state, metric)
    return rows


def _rows(state: TargetState, metric: str) -> Iterator[dict[str, Any]]:
    """The metric's own name is left out where only one was asked for."""
    for name, said in state.sampler.metadata.items():
        if metric in ("", name):
            named = {} if metric else {"metric": name}
            about = {"type": said.type, "help": said.help, "unit": said.unit}
            yield {"target": dict(state.target.labels), **named, **about}
