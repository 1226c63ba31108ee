"""The pipeline's own figures: Alertmanager's names where it has them, opsctl_* for the delivery log."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from opsctl.alerts.delivery import Delivery
from opsctl.alerts.receiver import Integration


class Figures:
    """Counters and gauges on a registry of their own; gauges are set when they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.received = Counter("alertmanager_alerts_received", "Alerts received.", ["status", "version"], registry=r)
        self.invalid = Counter("alertmanager_alerts_invalid", "Alerts that were invalid.", ["version"], registry=r)
        self.alerts = Gauge("alertmanager_alerts", "Alerts by state.", ["state"], registry=r)
        self.silences = Gauge("alertmanager_silences", "Silences by state.", ["state"], registry=r)
        self.groups = Gauge("alertmanager_dispatcher_aggregation_groups", "Active groups.", registry=r)
        self.log_entries = Gauge("alertmanager_nflog_entries", "Entries in the notification log.", registry=r)
        self.reload_good = Gauge(
            "alertmanager_config_last_reload_successful", "Whether the last reload was good.", registry=r
        )
        self.reload_at = Gauge(
            "alertmanager_config_last_reload_success_timestamp_seconds", "Time of the last good reload.", registry=r
        )
        self.receivers = Gauge("alertmanager_receivers", "Receivers configured.", registry=r)
        self.integrations = Gauge("alertmanager_integrations", "Integrations configured.", registry=r)
        self.build = Gauge(
            "alertmanager_build_info", "Always 1.", ["version", "branch", "revision", "goversion"], registry=r
        )
        self.notifications = Counter(
            "alertmanager_notifications", "Notifications tried.", ["integration", "receiver_name"], registry=r
        )
        self.notifications_failed = Counter(
            "alertmanager_notifications_failed", "Notifications failed for good.", ["integration", "receiver_name"],
            registry=r,
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

    def known(self, integrations: list[Integration]) -> None:
        """Starts every integration's series at zero, so that the first failure is an increase."""
        for each in integrations:
            if each.impl.kind == "heartbeat":
                for outcome in ("sent", "failed"):
                    self.heartbeats.labels(each.receiver, outcome)
                continue
            self.notifications.labels(each.impl.kind, each.receiver)
            self.notifications_failed.labels(each.impl.kind, each.receiver)
            for outcome in ("sent", "retried", "failed"):
                self.deliveries.labels(each.receiver, each.impl.kind, outcome)

    def called(self, integration: Integration, seconds: float) -> None:
        self.notifications.labels(integration.impl.kind, integration.receiver).inc()
        self.latency.labels(integration.impl.kind).observe(seconds)

    def delivered(self, delivery: Delivery, outcome: str) -> None:
        kind = delivery.integration.split("/")[-2]
        self.deliveries.labels(delivery.batch.receiver, kind, outcome).inc()
        if outcome == "failed":
            self.notifications_failed.labels(kind, delivery.batch.receiver).inc()
