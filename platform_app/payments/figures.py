"""The figures of payments."""

from __future__ import annotations

from platform_app.kit.metrics import Metrics
from platform_app.payments.gateway import BUILDERS


class Figures:
    """Attempts by result, and notifications by what became of them."""

    def __init__(self, metrics: Metrics) -> None:
        self.payments = metrics.counter(
            "booking_payments_total", "Steps of payment attempts.", ("channel", "gateway", "result")
        )
        self.notices = metrics.counter("booking_payment_notices_total", "Notifications by outcome.", ("outcome",))
        self.refunds = metrics.counter("booking_refunds_total", "Steps of refunds.", ("result",))
        for channel in BUILDERS:
            for gateway in ("primary", "standby"):
                for result in ("prepaid", "succeeded", "failed"):
                    self.payments.labels(channel, gateway, result)
        for outcome in ("taken", "repeated", "refused", "mismatch", "unknown"):
            self.notices.labels(outcome)
        for result in ("wanted", "done", "refused"):
            self.refunds.labels(result)
