"""The figures of messages."""

from __future__ import annotations

from platform_app.kit.metrics import Metrics
from platform_app.messages.templates import TEMPLATES


class Figures:
    """Messages made, by the kind of event."""

    def __init__(self, metrics: Metrics) -> None:
        self.messages = metrics.counter("booking_messages_total", "In-app messages made.", ("kind",))
        for kind in TEMPLATES:
            self.messages.labels(kind)
