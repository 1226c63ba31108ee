"""The figures of orders."""

from __future__ import annotations

from platform_app.kit.cache import cache_counter
from platform_app.kit.metrics import Metrics
from platform_app.kit.problem import Problem
from platform_app.orders.transitions import STATUSES

REASONS = {"slot_taken": "taken", "slot_too_near": "too_near", "bad_time": "not_working"}


class Figures:
    """Orders by the status they came to, slot conflicts, the object folder."""

    def __init__(self, metrics: Metrics) -> None:
        self.orders = metrics.counter("booking_orders_total", "Orders that came to a status.", ("status",))
        self.conflicts = metrics.counter("booking_slot_conflicts_total", "Bookings refused: slot taken.")
        self.refused = metrics.counter(
            "platform_slot_conflicts_total",
            "Starts refused: taken, too near to another job, not working then.",
            ("reason",),
        )
        self.offered = metrics.counter("platform_slots_offered_total", "Free starts shown to customers.")
        self.cache = cache_counter(metrics)
        self.storage_used = metrics.gauge("booking_storage_used_bytes", "Bytes in the object folder.")
        self.storage_limit = metrics.gauge("booking_storage_limit_bytes", "Quota of the object folder.")
        self.storage_refused = metrics.counter("booking_storage_refused_total", "Uploads refused: quota reached.")
        for status in STATUSES:
            self.orders.labels(status)
        for reason in REASONS.values():
            self.refused.labels(reason)

    def count_refusal(self, problem: Problem) -> None:
        """A booking that was refused, if it was for its time."""
        if problem.status == 409 and problem.code in REASONS:
            self.conflicts.inc()
        if problem.code in REASONS:
            self.refused.labels(REASONS[problem.code]).inc()
