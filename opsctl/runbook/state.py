"""A run as it stands: what was asked, what was done, what was approved. Frozen; read anew for each decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.runbook.book import Runbook
from opsctl.runbook.template import Scope

StepStatus = Literal["done", "failed", "skipped", "stopped", "would_do", "would_fail", "not_known_yet", "unknown", "in_flight", "given_up"]  # fmt: skip
RunStatus = Literal["running", "awaiting_approval", "awaiting_person", "unknown", "done", "failed", "stopped"]

ENDED: tuple[RunStatus, ...] = ("done", "failed", "stopped")


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """The latest attempt at a step. `inputs` as rendered; `output` without secrets; `by` who settled it, if a person did."""

    step: str
    attempt: int
    status: StepStatus
    inputs: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] | None = None
    zh: str = ""
    en: str = ""
    by: str = ""
    begun_at: float = 0.0
    ended_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A request for approval of one rendered plan, known by its hash, and the answer to it."""

    id: int
    step: str
    hash: str
    plan: Mapping[str, Any]
    asked_at: float
    expires_at: float
    approved_by: str = ""
    approved_at: float | None = None

    def holds(self, now: float) -> bool:
        return bool(self.approved_by) and now < self.expires_at


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Everything a decision needs to know of a run."""

    id: str
    book: Runbook
    digest: str
    requester: str
    status: RunStatus
    started_at: float
    params: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    reason: str = ""
    note: str = ""
    stopped_by: str = ""
    undo_of: str = ""
    ended_at: float | None = None
    steps: Mapping[str, StepRun] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()

    def scope(self) -> Scope:
        """What templates see now: outputs of the steps that were done; a skipped step's is None."""
        outputs = {
            name: (None if s.status == "skipped" else s.output or {})
            for name, s in self.steps.items()
            if s.status in ("done", "skipped")
        }
        return Scope(self.params, self.labels, self.annotations, outputs)

    def asked(self) -> Approval | None:
        """The latest request for approval."""
        return self.approvals[-1] if self.approvals else None
