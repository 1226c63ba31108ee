"""What rule evaluation says of itself, under Prometheus' names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary

_BY = ["rule_group"]


class RuleFigures:
    """The ruler's own metrics, by group (`file;name`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"prometheus_rule_{name}", text, _BY, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"prometheus_rule_group_{name}", text, _BY, registry=registry)

        self.evaluations = counter("evaluations", "Rules evaluated.")
        self.failures = counter("evaluation_failures", "Rules that failed.")
        self.iterations = counter("group_iterations", "Evaluations due, missed ones included.")
        self.missed = counter("group_iterations_missed", "Evaluations missed as the one before was slow.")
        self.interval = gauge("interval_seconds", "Interval of the group.")
        self.at = gauge("last_evaluation_timestamp_seconds", "When it was last evaluated.")
        self.took = gauge("last_duration_seconds", "How long that took.")
        self.rules = gauge("rules", "Rules of the group.")
        self.samples = gauge("last_evaluation_samples", "Samples that it wrote.")
        self.duration = Summary(
            "prometheus_rule_group_duration_seconds", "Time of group evaluations.", registry=registry
        )  # fmt: skip
        self.loop_failures = Counter(
            "opsctl_rule_loop_failures", "Unexpected errors caught by a group's loop.", registry=registry
        )

    def forget(self, key: str) -> None:
        """Drops the series of a group that is no more."""
        for each in (
            self.evaluations, self.failures, self.iterations, self.missed, self.interval, self.at, self.took,
            self.rules, self.samples,
        ):  # fmt: skip
            each.remove_by_labels({"rule_group": key})
