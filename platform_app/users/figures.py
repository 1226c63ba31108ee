"""The figures of users."""

from __future__ import annotations

from platform_app.kit.metrics import Metrics
from platform_app.users.limits import NAMES

LOGINS = ("ok", "wrong", "expired", "locked", "refreshed", "repeated", "refused", "reused")


class Figures:
    """Logins by outcome, reuse of refresh tokens, SMS by result, codes refused by limit."""

    def __init__(self, metrics: Metrics) -> None:
        self.logins = metrics.counter(
            "platform_logins_total",
            "Logins by code (ok, wrong, expired, locked) and by refresh token (refreshed, repeated, refused, reused).",
            ("outcome",),
        )
        self.reuse = metrics.counter("platform_token_reuse_total", "Logins ended: a used refresh token came again.")
        self.sms = metrics.counter("booking_sms_total", "Codes sent by SMS.", ("result",))
        self.refused = metrics.counter("platform_sms_refused_total", "Codes not sent: a limit was reached.", ("limit",))
        for outcome in LOGINS:
            self.logins.labels(outcome)
        for result in ("sent", "failed"):
            self.sms.labels(result)
        for limit in NAMES:
            self.refused.labels(limit)
