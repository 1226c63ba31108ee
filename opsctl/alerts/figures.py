"""The pipeline's own figures: Alertmanager's names where it has them, opsctl_* for the delivery log."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from opsctl.alerts.delivery import Delivery
from opsctl.alerts.receiver import Integration


class Figures:
    """Counters and gauges on a registry of their own; gauges are set when they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.received = Counter("alertmanager_alerts_received", "Alerts received.", ["status", "version"], registry=r)
        self.invalid = Counter("alertmanager_alerts_invalid", "Alerts that were invalid.", ["version"], registry=r)
        self.alerts = Gauge("alertmanager_alerts", "Alerts by state.", ["state"], registry=r)
        self.marked = Gauge("alertmanager_marked_alerts", "Alerts by state, as marked.", ["state"], registry=r)
        self.silences = Gauge("alertmanager_silences", "Silences by state.", ["state"], registry=r)
        self.groups = Gauge("alertmanager_dispatcher_aggregation_groups", "Active groups.", registry=r)
        self.log_entries = Gauge("alertmanager_nflog_entries", "Entries in the notification log.", registry=r)
        self.reload_good = Gauge(
            "alertmanager_config_last_reload_successful", "Whether the last reload was good.", registry=r
        )
        self.reload_at = Gauge(
            "alertmanager_config_last_reload_success_timestamp_seconds", "Time of the last good reload.", registry=r
        )
        self.config_hash = Gauge("alertmanager_config_hash", "Hash of the loaded configuration.", registry=r)
        self.rules = Gauge("alertmanager_inhibition_rules", "Inhibition rules configured.", registry=r)
        self.members = Gauge("alertmanager_cluster_members", "Members that answer, ourselves included.", registry=r)
        self.position = Gauge("alertmanager_peer_position", "How many members go before us.", registry=r)
        self.clustered = Gauge("alertmanager_cluster_enabled", "Whether members are looked for.", registry=r)
        self.receivers = Gauge("alertmanager_receivers", "Receivers configured.", registry=r)
        self.integrations = Gauge("alertmanager_integrations", "Integrations configured.", registry=r)
        self.build = Gauge(
            "alertmanager_build_info",
            "Always 1.",
            ["version", "branch", "revision", "goversion", "goarch", "goos", "tags"],
            registry=r,
        )
        self.notifications = Counter(
            "alertmanager_notifications", "Notifications tried.", ["integration", "receiver_name"], registry=r
        )
        self.notifications_failed = Counter(
            "alertmanager_notifications_failed", "Notifications failed for good.", ["integration", "receiver_name"],
            registry=r,
        )  # fmt: skip
        self.requests = Counter(
            "alertmanager_notification_requests", "Calls to channels.", ["integration", "receiver_name"], registry=r
        )
        self.requests_failed = Counter(
            "alertmanager_notification_requests_failed", "Calls to channels that failed.",
            ["integration", "receiver_name"], registry=r,
        )  # fmt: skip
        self.latency = Histogram(
            "alertmanager_notification_latency_seconds", "Time of one call.", ["integration"], registry=r,
            buckets=(0.005, 0.02, 0.1, 0.5, 1, 5, 10, 15, 20),
        )  # fmt: skip
        self.suppressed = Counter(
            "alertmanager_notifications_suppressed", "Notifications suppressed.", ["reason"], registry=r
        )
        self.deliveries = Counter(
            "opsctl_deliveries", "Deliveries by outcome: sent, retried, failed.", ["receiver", "integration", "outcome"],
            registry=r,
        )  # fmt: skip
        self.pending = Gauge("opsctl_deliveries_pending", "Deliveries on their way.", registry=r)
        self.oldest = Gauge(
            "opsctl_deliveries_oldest_pending_seconds", "Age of the oldest delivery on its way.", registry=r
        )
        self.digests = Counter(
            "opsctl_deliveries_digests", "Messages that told many groups at once.", ["receiver", "integration"],
            registry=r,
        )  # fmt: skip
        self.handed_over = Counter(
            "opsctl_deliveries_handed_over", "Deliveries that a standby channel took over.",
            ["receiver", "integration"], registry=r,
        )  # fmt: skip
        self.heartbeats = Counter(
            "opsctl_heartbeats", "Heartbeat calls by outcome.", ["receiver", "outcome"], registry=r
        )
        self.heartbeat_at = Gauge(
            "opsctl_heartbeat_last_success_timestamp_seconds",
            "Time of the last good heartbeat.",
            ["receiver"],
            registry=r,
        )
        self.acked = Gauge("opsctl_alerts_acknowledged", "Firing alerts that somebody has acknowledged.", registry=r)
        self.steps = Counter("opsctl_oncall_steps", "Steps taken on escalation ladders.", ["policy"], registry=r)
        self.climbing = Gauge("opsctl_oncall_ladders_climbing", "Ladders that nobody has stopped yet.", registry=r)
        self.overdue = Gauge(
            "opsctl_oncall_ladders_overdue", "Climbing ladders whose step is half a minute late.", registry=r
        )
        self.write_failures = Counter(
            "opsctl_alerting_write_failures", "Changes that could not be written.", registry=r
        )
        self.defects = Counter("opsctl_alerting_defects", "Unexpected errors by loop.", ["loop"], registry=r)
        self.http = HttpFigures(registry)
        self.house = HouseFigures(registry)

    def known(self, integrations: list[Integration]) -> None:
        """Starts every integration's series at zero, so that the first failure is an increase."""
        for each in integrations:
            if each.impl.kind == "heartbeat":
                for outcome in ("sent", "failed"):
                    self.heartbeats.labels(each.receiver, outcome)
                continue
            self.notifications.labels(each.impl.kind, each.receiver)
            self.notifications_failed.labels(each.impl.kind, each.receiver)
            self.requests.labels(each.impl.kind, each.receiver)
            self.requests_failed.labels(each.impl.kind, each.receiver)
            for outcome in ("sent", "retried", "failed"):
                self.deliveries.labels(each.receiver, each.impl.kind, outcome)

    def called(self, integration: Integration, seconds: float) -> None:
        self.requests.labels(integration.impl.kind, integration.receiver).inc()
        self.latency.labels(integration.impl.kind).observe(seconds)

    def delivered(self, delivery: Delivery, outcome: str) -> None:
        kind = delivery.integration.split("/")[-2]
        self.deliveries.labels(delivery.batch.receiver, kind, outcome).inc()
        if outcome != "retried":
            self.notifications.labels(kind, delivery.batch.receiver).inc()
        if outcome != "sent":
            self.requests_failed.labels(kind, delivery.batch.receiver).inc()
        if outcome == "failed":
            self.notifications_failed.labels(kind, delivery.batch.receiver).inc()


class HttpFigures:
    """Requests to API v2, by Alertmanager's names."""

    def __init__(self, r: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "alertmanager_http_request_duration_seconds", "Time of HTTP requests.", ["handler", "method", "code"],
            registry=r, buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 1, 2, 5, 20, 60),
        )  # fmt: skip
        self.sizes = Histogram(
            "alertmanager_http_response_size_bytes", "Size of HTTP answers.", ["handler", "method"], registry=r,
            buckets=tuple(100.0 * 10**n for n in range(7)),
        )  # fmt: skip
        self.in_flight = Gauge("alertmanager_http_requests_in_flight", "Requests now.", ["method"], registry=r)
        self.limited = Counter(
            "alertmanager_http_concurrency_limit_exceeded", "GETs refused for their number.", ["method"], registry=r
        )
        self.in_flight.labels("get")
        self.limited.labels("get")
        self.seconds.labels("/alerts", "post", "200")
        self.sizes.labels("/alerts", "post")

    def answered(self, handler: str, method: str, status: int, seconds: float, size: int) -> None:
        self.seconds.labels(handler, method, str(status)).observe(seconds)
        self.sizes.labels(handler, method).observe(size)


class HouseFigures:
    """Alertmanager's figures of its notification log and silences. Ours are written at once: snapshots stay at 0."""

    def __init__(self, r: CollectorRegistry) -> None:
        self.processing = Summary(
            "alertmanager_dispatcher_alert_processing_duration_seconds", "Time to route alerts.", registry=r
        )
        self.kept = {
            name: _Kept(name, text, r) for name, text in (("nflog", "Notification log"), ("silences", "Silences"))
        }


class _Kept:
    def __init__(self, name: str, text: str, r: CollectorRegistry) -> None:
        start = f"alertmanager_{name}"
        self.gc = Summary(f"{start}_gc_duration_seconds", f"{text}: time of dropping what is old.", registry=r)
        self.maintenance = Counter(f"{start}_maintenance", f"{text}: maintenances.", registry=r)
        self.maintenance_errors = Counter(f"{start}_maintenance_errors", f"{text}: failed maintenances.", registry=r)
        self.queries = Counter(f"{start}_queries", f"{text}: questions asked.", registry=r)
        Counter(f"{start}_query_errors", f"{text}: questions that failed.", registry=r)
        Counter(f"{start}_gossip_messages_propagated", f"{text}: messages of members passed on.", registry=r)
        Summary(f"{start}_snapshot_duration_seconds", f"{text}: time of snapshots (none are needed).", registry=r)
        Gauge(f"{start}_snapshot_size_bytes", f"{text}: size of the last snapshot (none are needed).", registry=r)
        Histogram(f"{start}_query_duration_seconds", f"{text}: time of a question.", registry=r)
