"""The room's object: one poll taken in, and what people ask and say of incidents."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from opsctl.core.errors import Conflict, OpsctlError, UsageError
from opsctl.core.log import Log
from opsctl.incidents.figures import IncidentFigures
from opsctl.incidents.follow import AFTERMATH_SECONDS, GRACE_SECONDS, Change, follow
from opsctl.incidents.incident import Incident, Moment
from opsctl.incidents.seen import SeenRun
from opsctl.incidents.source import AlertingSource
from opsctl.incidents.stats import stats
from opsctl.incidents.store import IncidentStore

_SETTLE_STEP = 0.5
RunEvents = Callable[[int], Sequence[SeenRun]]
"""What runbooks did after the event with this id, in order."""


class Incidents:
    """Opened, followed and closed by polling; `tick` is called by a loop about once a second, in any one thread."""

    def __init__(
        self, store: IncidentStore, source: AlertingSource, group_by: Sequence[str], run_events: RunEvents,
        figures: IncidentFigures,
    ) -> None:  # fmt: skip
        self.store = store
        self._source = source
        self._group_by = tuple(group_by)
        self._run_events = run_events
        self._figures = figures
        self._log = Log("opsctl.incidents")
        self._lock = threading.Lock()

    def tick(self, now: float) -> list[Change]:
        """One poll. Raises Unreachable when the alerting process does not answer; then nothing is closed or changed."""
        with self._lock:
            try:
                seen = self._source.seen(now - AFTERMATH_SECONDS)
            except OpsctlError:
                self._figures.poll_failed()
                raise
            cursor = self.store.cursor()
            runs = tuple(self._run_events(cursor))
            known = self.store.recent(now - AFTERMATH_SECONDS)
            changes = follow(
                known, replace(seen, runs=runs), self._group_by, now, self.store.entered(i.id for i in known)
            )
            last = max((r.id for r in runs), default=cursor)
            if changes or last != cursor:
                self.store.apply(changes, last)
            self._tell(known, changes, now)
            return changes

    def settle(self, number: int, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        """Polls at once, and again until the grace is over if no alert of the incident is listed any more.

        So that a report asked for right after the resolve message says that the incident is closed.
        """
        for _ in range(int(GRACE_SECONDS / _SETTLE_STEP) + 2):
            self.tick(now())
            incident = self.store.get(number)
            if not incident.open or any(m.missing_since is None for m in incident.members if m.ended_at is None):
                return
            sleep(_SETTLE_STEP)

    def _tell(self, known: Sequence[Incident], changes: Sequence[Change], now: float) -> None:
        before = {i.id: i for i in known}
        for change in changes:
            was, incident = before.get(change.incident.id), change.incident
            self._figures.changed(was, incident)
            for kind in {m.kind for m in change.moments} & {"fired", "closed", "reopened", "acknowledged"}:
                self._log.info(
                    f"incident.{kind}", key=dict(incident.key), severity=incident.severity, title=incident.title
                )
        self._figures.polled(self.store.list("open", 10_000), now)

    def note(self, number: int, who: str, text: str, now: float) -> None:
        """Enters a person's words into the timeline. Raises UsageError when there are none."""
        if not text.strip():
            raise UsageError("a note needs text")
        self.store.get(number)
        said = f"{who}：{text.strip()}"
        moment = Moment(source=f"note:{now:.6f}", at=now, kind="note", zh=said, en="", data={"who": who})
        self.store.enter(number, moment)

    def ack(self, number: int, who: str, comment: str) -> list[str]:
        """Acknowledges every alert of the incident that fires; their fingerprints. Raises Conflict when none does."""
        incident = self.store.get(number)
        firing = [m.fingerprint for m in incident.members if m.ended_at is None]
        if not firing:
            raise Conflict(f"incident {number} is closed: nothing to acknowledge")
        for fingerprint in firing:
            self._source.ack(fingerprint, who, "opsctl", comment)
        return firing

    def stats(self, weeks: int, now: float) -> dict[str, Any]:
        """Figures by week for dashboards; see stats.py."""
        found = self.store.list("all", 100_000, now - (weeks + 1) * 7 * 86_400)
        return stats(found, self.store.list("open", 10_000), weeks, now)
