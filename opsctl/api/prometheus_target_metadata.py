"""targets/metadata: what each target's page says of its metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.datastructures import QueryParams

from opsctl.api.prometheus_params import ApiError, selector_of
from opsctl.model.matcher import matches_all
from opsctl.scrape.manager import ScrapeManager


def target_metadata(scraper: ScrapeManager, params: QueryParams) -> list[dict[str, Any]]:
    """`match_target` (a selector over the targets' labels), `metric`, `limit`. Raises ApiError."""
    text = params.get("limit", "")
    try:
        limit = int(text) if text else -1
    except ValueError as error:
        raise ApiError("bad_data", "limit must be a number") from error
    rows: list[dict[str, Any]] = []
    for row in _rows(scraper, params.get("match_target", ""), params.get("metric", "")):
        if 0 <= limit <= len(rows):
            break
        rows.append(row)
    return rows


def _rows(scraper: ScrapeManager, chosen: str, metric: str) -> Iterator[dict[str, Any]]:
    """The metric's own name is left out where only one was asked for."""
    matchers = selector_of(chosen, "match_target") if chosen else ()
    for state in scraper.states:
        if not matches_all(matchers, state.target.labels):
            continue
        for name, said in state.sampler.metadata.items():
            if metric and name != metric:
                continue
            named = {} if metric else {"metric": name}
            row = {
                "target": dict(state.target.labels),
                **named,
                "type": said.type,
                "help": said.help,
                "unit": said.unit,
            }
            yield row
