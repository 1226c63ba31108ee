"""The figures of users."""

from __future__ import annotations

from platform_app.kit.metrics import Metrics


class Figures:
    """Logins by result (ok, wrong, expired, locked) and SMS by result (sent, failed)."""

    def __init__(self, metrics: Metrics) -> None:
        self.logins = metrics.counter("booking_logins_total", "Login attempts.", ("result",))
        self.sms = metrics.counter("booking_sms_total", "Login codes sent by SMS.", ("result",))
        for result in ("ok", "wrong", "expired", "locked"):
            self.logins.labels(result)
        for result in ("sent", "failed"):
            self.sms.labels(result)
