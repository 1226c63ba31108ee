"""An alert as it travels from rules to routes, incidents and screens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsctl.model.labels import Labels


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One firing or resolved condition. Times are epoch seconds; `ends_at` None while firing without a known end."""

    labels: Labels
    annotations: Labels
    starts_at: float
    ends_at: float | None = None
    updated_at: float = 0.0
    generator_url: str = ""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def fingerprint(self) -> str:
        return self.labels.fingerprint()

    def resolved(self, now: float) -> bool:
        """Whether the alert has ended by `now`."""
        return self.ends_at is not None and self.ends_at <= now

    def standing(self, now: float) -> Alert:
        """The alert as it stands at `now`: one that has not ended has no end.

        Copied by hand: each flush does this to each of its alerts, and dataclasses.replace takes ten times as long.
        """
        if self.ends_at is None or self.ends_at <= now:
            return self
        made = object.__new__(Alert)
        made.__dict__.update(self.__dict__, ends_at=None)
        return made

    def ended(self, at: float) -> Alert:
        return replace(self, ends_at=at)
