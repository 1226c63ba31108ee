"""The figures of payments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from platform_app.kit.metrics import Metrics
from platform_app.payments.gateway import BUILDERS
from platform_app.payments.wallet import KINDS


class Figures:
    """Attempts by result, calls to channels, notifications by what became of them, refunds, wallets."""

    def __init__(self, metrics: Metrics) -> None:
        self.payments = metrics.counter(
            "booking_payments_total", "Steps of payment attempts.", ("channel", "gateway", "result")
        )
        self.notices = metrics.counter("booking_payment_notices_total", "Notifications by outcome.", ("outcome",))
        self.refunds = metrics.counter("booking_refunds_total", "Steps of refunds.", ("result",))
        self.calls = metrics.counter(
            "platform_payments_channel_calls_total", "Calls to channels.", ("channel", "gateway", "result")
        )
        self.seconds = metrics.histogram(
            "platform_payments_channel_seconds", "Time that channels take to answer.", ("channel",)
        )
        self.twice = metrics.counter(
            "platform_payments_paid_twice_total",
            "Attempts that were paid after another had won; sent back.",
            ("channel",),
        )
        self.entries = metrics.counter("platform_payments_wallet_entries_total", "Entries of wallets.", ("kind",))
        self._touch()

    def called(self, channel: str, gateway: str, result: str, seconds: float) -> None:
        self.calls.labels(channel, gateway, result).inc()
        self.seconds.labels(channel).observe(seconds)

    def came(self, row: Row[Any], outcome: str) -> None:
        """Counts money that came."""
        if outcome in ("taken", "twice"):
            self.payments.labels(row.channel, row.gateway, "succeeded").inc()
        if outcome == "twice":
            self.twice.labels(row.channel).inc()
            self.refunds.labels("wanted").inc()
        if outcome == "taken" and row.order_id < 0:
            self.entries.labels("top_up").inc()

    def _touch(self) -> None:
        for channel in BUILDERS:
            self.seconds.labels(channel)
            self.twice.labels(channel)
            for gateway in ("primary", "standby"):
                for result in ("prepaid", "succeeded", "failed"):
                    self.payments.labels(channel, gateway, result)
                for result in ("ok", "refused", "failed"):
                    self.calls.labels(channel, gateway, result)
        for outcome in ("taken", "repeated", "refused", "mismatch", "unknown"):
            self.notices.labels(outcome)
        for result in ("wanted", "done", "refused"):
            self.refunds.labels(result)
        for kind in KINDS:
            self.entries.labels(kind)
