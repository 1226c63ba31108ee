"""Gathers what a report shows, and writes it: Markdown and HTML under home/ops/reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.core.folder import write_whole
from opsctl.incidents.chart import Line
from opsctl.incidents.incident import Incident
from opsctl.incidents.report import Material, markdown
from opsctl.incidents.report_html import html
from opsctl.incidents.store import IncidentStore
from opsctl.model.logline import LogLine

SearchLogs = Callable[[str, float, float, int], Sequence[LogLine]]
"""(query, start, end, limit) → lines."""
RunsOf = Callable[[str], Sequence[Mapping[str, Any]]]
"""fingerprint → the runs of runbooks for that alert, as the API shows them, oldest first."""
FiguresOf = Callable[[str], Sequence["Figure"]]
"""runbook → the figures that it names."""
LOG_QUERY = "log.level:error OR log.level:warning"
_LOG_LINES = 30
_AROUND = 300.0
_POINTS = 180


@dataclass(frozen=True)
class Figure:
    """A PromQL expression to be charted; of several series the first is."""

    title: str
    query: str
    unit: str = ""


USUAL: tuple[Figure, ...] = (
    Figure("每分钟请求 / Requests per minute", "sum(rate(http_requests_total[1m])) * 60"),
    Figure(
        "5xx 比例 / Ratio of 5xx",
        'sum(rate(http_requests_total{status=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))',
    ),
)
"""What is charted for an incident whose runbook names no figures."""


class Reporter:
    """Writes reports. What cannot be had (metrics, logs) is named in the report, which is written all the same."""

    def __init__(
        self, store: IncidentStore, folder: Path, metrics_url: str, search_logs: SearchLogs, runs_of: RunsOf,
        figures_of: FiguresOf,
    ) -> None:  # fmt: skip
        self._store = store
        self._folder = folder
        self._metrics_url = metrics_url
        self._search_logs = search_logs
        self._runs_of = runs_of
        self._figures_of = figures_of

    def write(self, number: int, now: float) -> dict[str, str]:
        """Makes the report anew; the paths of `markdown` and `html`."""
        material = self.material(number, now)
        made = {"markdown": markdown(material), "html": html(material)}
        paths = {"markdown": self._path(number, "md"), "html": self._path(number, "html")}
        for kind, text in made.items():
            write_whole(paths[kind], text.encode(), 0o644)
        return {kind: str(path) for kind, path in paths.items()}

    def text(self, number: int, kind: str, now: float) -> str:
        """The report as `markdown` or `html`, not written anywhere."""
        material = self.material(number, now)
        return html(material) if kind == "html" else markdown(material)

    def material(self, number: int, now: float) -> Material:
        """Raises NotFound."""
        incident = self._store.get(number)
        start, end = incident.opened_at - _AROUND, min(now, (incident.closed_at or now) + _AROUND)
        missing: list[str] = []
        return Material(
            incident=incident, timeline=tuple(self._store.timeline(number)), start=start, end=end, made_at=now,
            lines=tuple(self._lines(incident, start, end, missing)), logs=tuple(self._logs(incident, end, missing)),
            runs=tuple(self._runs(incident)), missing=tuple(missing),
        )  # fmt: skip

    def _path(self, number: int, suffix: str) -> Path:
        return self._folder / f"incident-{number:04d}.{suffix}"

    def _lines(self, incident: Incident, start: float, end: float, missing: list[str]) -> list[Line]:
        figures = tuple(self._figures_of(incident.runbook)) or USUAL
        made = []
        for figure in figures:
            try:
                points = query_range(self._metrics_url, figure.query, start, end, max(5.0, (end - start) / _POINTS))
                made.append(Line(figure.title, figure.unit, points))
            except OpsctlError as error:
                missing.append(f"{figure.title}: {error.message}")
        return made

    def _logs(self, incident: Incident, end: float, missing: list[str]) -> list[LogLine]:
        try:
            found = self._search_logs(LOG_QUERY, incident.opened_at - 30, end, _LOG_LINES)
        except OpsctlError as error:
            missing.append(f"日志 / logs: {error.message}")
            return []
        return sorted(found, key=lambda line: line.at)

    def _runs(self, incident: Incident) -> list[Mapping[str, Any]]:
        found = [run for member in incident.members for run in self._runs_of(member.fingerprint)]
        return [r for r in found if r["started_at"] >= incident.opened_at - 1]


def query_range(url: str, query: str, start: float, end: float, step: float) -> tuple[tuple[float, float | None], ...]:
    """The first series of a range query, gaps as None. Raises Unreachable, or OpsctlError when it is refused."""
    wanted = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
    try:
        with requests.Session() as session:
            session.trust_env = False
            body = session.post(f"{url}/api/v1/query_range", data=wanted, timeout=15).json()
    except (requests.RequestException, ValueError) as error:
        raise Unreachable(f"the metrics process at {url} does not answer") from error
    if body.get("status") != "success":
        raise OpsctlError(str(body.get("error", "the query was refused")))
    result = body["data"]["result"]
    return _with_gaps([(float(t), float(v)) for t, v in result[0]["values"]], step) if result else ()


def _with_gaps(found: list[tuple[float, float]], step: float) -> tuple[tuple[float, float | None], ...]:
    made: list[tuple[float, float | None]] = []
    for at, value in found:
        if made and at - made[-1][0] > step * 1.5:
            made.append((made[-1][0] + step, None))
        made.append((at, value if value == value and abs(value) != float("inf") else None))
    return tuple(made)
