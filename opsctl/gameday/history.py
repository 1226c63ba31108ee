"""What gamedays found: one JSON file each under home/gameday, and the record of a fault that is in place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from opsctl.core.folder import write_whole


@dataclass(frozen=True)
class Outcome:
    """One scenario's result; times in seconds from the fault, None where it did not come to that."""

    scenario: str
    started_at: float
    failing_after: float | None = None
    detected_after: float | None = None
    delivered_after: dict[str, float] = field(default_factory=dict)
    incident: str = ""
    runbook: str = ""
    recovered_after: float | None = None
    fault_in_place: bool = True
    resolved_after: float | None = None
    resolve_delivered_after: float | None = None
    report: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def detected(self) -> bool:
        return self.detected_after is not None

    @property
    def delivered(self) -> bool:
        return {"dingtalk", "wecom"} <= set(self.delivered_after)

    @property
    def recovered(self) -> bool:
        return self.recovered_after is not None and self.resolved_after is not None

    @property
    def passed(self) -> bool:
        return self.detected and self.delivered and self.recovered and not self.problems

    def figures(self) -> dict[str, Any]:
        """All of it, with the verdicts and the three measures by their usual names."""
        notified = max(self.delivered_after.values()) if self.delivered else None
        return {
            **asdict(self), "detected": self.detected, "delivered": self.delivered, "recovered": self.recovered,
            "passed": self.passed, "mttd_seconds": self.detected_after, "mttn_seconds": notified,
            "mttr_seconds": self.resolve_delivered_after or self.resolved_after,
        }  # fmt: skip


class History:
    """The gamedays of this home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, outcome: Outcome) -> Path:
        path = self._folder / f"{int(outcome.started_at)}-{outcome.scenario}.json"
        write_whole(path, orjson.dumps(outcome.figures(), option=orjson.OPT_INDENT_2))
        return path

    def list(self) -> list[dict[str, Any]]:
        """Newest first."""
        files = sorted(self._folder.glob("[0-9]*-*.json"), reverse=True)
        return [orjson.loads(f.read_bytes()) for f in files]

    def keep_fault(self, record: dict[str, Any]) -> None:
        """Remembers a fault that is in place, so that a later run can lift it after kill -9 of this one."""
        write_whole(self._folder / "in-place.json", orjson.dumps(record))

    def fault_in_place(self) -> dict[str, Any] | None:
        path = self._folder / "in-place.json"
        found: dict[str, Any] | None = orjson.loads(path.read_bytes()) if path.exists() else None
        return found

    def forget_fault(self) -> None:
        (self._folder / "in-place.json").unlink(missing_ok=True)
