"""The figures of orders."""

from __future__ import annotations

from platform_app.kit.metrics import Metrics
from platform_app.orders.transitions import STATUSES


class Figures:
    """Orders by the status they came to, slot conflicts, the object folder."""

    def __init__(self, metrics: Metrics) -> None:
        self.orders = metrics.counter("booking_orders_total", "Orders that came to a status.", ("status",))
        self.conflicts = metrics.counter("booking_slot_conflicts_total", "Bookings refused: slot taken.")
        self.storage_used = metrics.gauge("booking_storage_used_bytes", "Bytes in the object folder.")
        self.storage_limit = metrics.gauge("booking_storage_limit_bytes", "Quota of the object folder.")
        self.storage_refused = metrics.counter("booking_storage_refused_total", "Uploads refused: quota reached.")
        for status in STATUSES:
            self.orders.labels(status)
