"""MTTA, MTTR and counts by week, for dashboards. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from opsctl.core.clock import SHANGHAI
from opsctl.incidents.incident import SEVERITIES, Incident


def stats(incidents: Sequence[Incident], still_open: Sequence[Incident], weeks: int, now: float) -> dict[str, Any]:
    """The last `weeks` weeks, oldest first, each from Monday 00:00 in Shanghai, by when the incident opened.

    `mtta_seconds` and `mttr_seconds` are means over the incidents that were acknowledged or closed, None when none was.
    """
    starts = _mondays(weeks, now)
    return {
        "open": len(still_open),
        "open_by_severity": {s: sum(i.severity == s for i in still_open) for s in SEVERITIES},
        "unacknowledged": sum(i.acked_at is None for i in still_open),
        "weeks": [_week(start, end, incidents) for start, end in pairwise(starts)],
    }


def _mondays(weeks: int, now: float) -> list[datetime]:
    today = datetime.fromtimestamp(now, SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in range(weeks - 1, -2, -1)]


def _week(start: datetime, end: datetime, incidents: Sequence[Incident]) -> dict[str, Any]:
    inside = [i for i in incidents if start.timestamp() <= i.opened_at < end.timestamp()]
    return {
        "week": start.date().isoformat(),
        "start": start.timestamp(),
        "opened": len(inside),
        "by_severity": {s: sum(i.severity == s for i in inside) for s in SEVERITIES},
        "acknowledged": sum(i.acked_at is not None for i in inside),
        "closed": sum(not i.open for i in inside),
        "mtta_seconds": _over(fmean, (i.mtta for i in inside)),
        "mttr_seconds": _over(fmean, (i.mttr for i in inside)),
        "mttr_median_seconds": _over(median, (i.mttr for i in inside)),
    }


def _over(figure: Any, values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return round(float(figure(known)), 1) if known else None
