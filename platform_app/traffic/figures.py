"""The figures of traffic: what customers and providers saw."""

from __future__ import annotations

from platform_app.kit.metrics import Metrics

ACTIONS = (
    *("send_code", "login", "categories", "search", "provider", "slots", "book", "pay", "order", "payment"),
    *("cancel", "messages", "accept", "complete", "jobs", "phone_pay", "phone_sms"),
)
RESULTS = ("ok", "refused", "error", "unreachable")


class Figures:
    """Requests by action and result: `refused` is 4xx, `error` 5xx, `unreachable` no answer at all."""

    def __init__(self, metrics: Metrics) -> None:
        self.requests = metrics.counter("traffic_requests_total", "Requests made.", ("action", "result"))
        self.stories = metrics.counter("traffic_stories_total", "Stories played, by how they ended.", ("end",))
        for action in ACTIONS:
            for result in RESULTS:
                self.requests.labels(action, result)
