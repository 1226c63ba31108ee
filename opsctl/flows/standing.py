"""How alerts stand at a moment: which of a batch still fire and are heard, and who has taken them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from opsctl.alerts.store import AlertStore
from opsctl.model.alert import Alert
from opsctl.oncall.acks import Acks

Suppressed = Callable[[Alert, float], bool]


class Standing:
    """Reads the alert store, silences and inhibition (`suppressed`), and acknowledgements."""

    def __init__(self, alerts: AlertStore, suppressed: Suppressed, acks: Acks) -> None:
        self._alerts, self._suppressed, self._acks = alerts, suppressed, acks

    def live(self, alert: Alert, now: float) -> Alert:
        """An alert as it is now; one that has left the store ended when it was last known to."""
        known = self._alerts.get(alert.fingerprint)
        if known is None:
            return alert if alert.ends_at is not None else replace(alert, ends_at=now)
        return known if known.resolved(now) else replace(known, ends_at=None)

    def audible(self, alerts: Iterable[Alert], now: float) -> list[Alert]:
        """Those that fire and are neither silenced nor inhibited."""
        found = (self._alerts.get(a.fingerprint) for a in alerts)
        return [a for a in found if a is not None and not a.resolved(now) and not self._suppressed(a, now)]

    def acked(self, alerts: Iterable[Alert], now: float) -> dict[str, str]:
        """Fingerprint → who has taken it on."""
        found = ((a.fingerprint, self._acks.of(a, now)) for a in alerts)
        return {fingerprint: ack.who for fingerprint, ack in found if ack is not None}
