"""The backup policy's calendar jobs, its background work, and its figures. Wired by the ops process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backup.progress import OnProgress, Progress
from backup.status import SourceStatus
from opsctl.core.errors import OpsctlError, UsageError
from opsctl.flows.resilience import Resilience
from opsctl.resilience.background import Background, Job, Tell


@dataclass(frozen=True)
class CalendarJob:
    """Something to do at the times of a cron line (Asia/Shanghai). `act` returns at once."""

    id: str
    cron: str
    act: Callable[[], object]


def start(verb: str, source: str, resilience: Resilience, background: Background) -> Job:
    """Begins `run`, `drill` or `verify` in the background. Raises NotFound for an unknown source."""
    if source or verb != "verify":
        resilience.policy.source(source)
    verbs: dict[str, Callable[[OnProgress], object]] = {
        "run": lambda on: resilience.run(source, on),
        "drill": lambda on: resilience.drill(source, on),
        "verify": resilience.verify,
    }
    if verb not in verbs:
        raise UsageError(f"no verb {verb!r}", f"one of: {', '.join(verbs)}")
    return background.submit(verb, source, lambda tell: verbs[verb](_on(tell)))


def jobs(resilience: Resilience, background: Background) -> tuple[CalendarJob, ...]:
    """One job for each schedule and drill line of the policy."""
    found: list[CalendarJob] = []
    for each in resilience.policy.sources:
        for verb, cron in (("run", each.schedule), ("drill", each.drill)):
            if cron:
                found.append(
                    CalendarJob(
                        f"backup.{verb}.{each.database}", cron, _act(verb, each.database, resilience, background)
                    )
                )
    return tuple(found)


def catch_up(resilience: Resilience, background: Background, now: float) -> tuple[Job, ...]:
    """Begins what the calendar missed while the process was not there: called once at its start."""
    return tuple(start(d.verb, d.source, resilience, background) for d in resilience.missed(now))


class BackupFigures(Collector):
    """The figures of backups, read from the repository at each scrape, so that they survive a restart."""

    def __init__(self, resilience: Resilience, background: Background) -> None:
        self._resilience = resilience
        self._background = background

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        readable = GaugeMetricFamily("opsctl_backup_repository_readable", "Whether the repository can be read whole.")
        try:
            status = self._resilience.status()
        except OpsctlError:
            readable.add_metric([], 0)
            yield readable
            return
        readable.add_metric([], 0 if status.damaged else 1)
        yield readable
        for name, text, value in _GAUGES:
            family = GaugeMetricFamily(name, text, labels=["source"])
            for source in status.sources:
                found = value(source)
                if found is not None:
                    family.add_metric([source.source], float(found))
            yield family
        counter = CounterMetricFamily(
            "opsctl_backup_runs", "Backup verbs that ended, since start.", labels=["source", "verb", "outcome"]
        )
        for labels, count in sorted(self._background.outcomes.items()):
            counter.add_metric(list(labels), count)
        yield counter


_GAUGES: tuple[tuple[str, str, Callable[[SourceStatus], float | None]], ...] = (
    ("opsctl_backup_last_success_timestamp_seconds", "When the newest snapshot was published; 0 for never.",
     lambda s: s.last_success or 0),
    ("opsctl_backup_bytes", "Size of what the newest snapshot holds.", lambda s: s.last_bytes),
    ("opsctl_backup_snapshots", "Snapshots in the repository.", lambda s: s.snapshots),
    ("opsctl_backup_drill_last_timestamp_seconds", "When the newest drill began; 0 for never.",
     lambda s: s.last_drill or 0),
    ("opsctl_backup_drill_last_ok", "Whether the newest drill proved its snapshot.",
     lambda s: None if s.last_drill_ok is None else int(s.last_drill_ok)),
    ("opsctl_backup_drill_last_success_timestamp_seconds", "When the newest drill that proved its snapshot began; 0 for never.",
     lambda s: s.last_proven or 0),
    ("opsctl_backup_drill_rpo_seconds", "Age of the newest business row at the newest proof.", lambda s: s.rpo_seconds),
    ("opsctl_backup_drill_rto_seconds", "Duration of restore and checks at the newest proof.", lambda s: s.rto_seconds),
)  # fmt: skip


def _act(verb: str, source: str, resilience: Resilience, background: Background) -> Callable[[], object]:
    return lambda: start(verb, source, resilience, background)


def _on(tell: Tell) -> OnProgress:
    def on_progress(event: Progress) -> None:
        tell(event.stage, event.done, event.total, event.item)

    return on_progress
