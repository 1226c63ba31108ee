"""What remote write says of itself, under Prometheus' names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

DROPPED_SERIES, TOO_OLD, BUFFER = "dropped_series", "too_old", "buffer"


class RemoteFigures:
    """Series by remote (`remote_name`, `url`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by = ["remote_name", "url"]

        def counter(name: str, text: str) -> Counter:
            return Counter(f"prometheus_remote_storage_{name}", text, by, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"prometheus_remote_storage_{name}", text, by, registry=registry)

        self.sent = counter("samples", "Samples sent.")
        self.failed = counter("samples_failed", "Samples that the receiver refused for good.")
        self.retried = counter("samples_retried", "Samples sent again after a failure.")
        self.dropped = Counter(
            "prometheus_remote_storage_samples_dropped",
            "Samples not sent: relabelled away (dropped_series), too old (too_old), buffer or disk full (buffer).",
            [*by, "reason"], registry=registry,
        )  # fmt: skip
        self.bytes = counter("bytes", "Compressed bytes of samples sent.")
        self.metadata = counter("metadata", "Entries of metadata sent.")
        self.metadata_failed = counter("metadata_failed", "Entries of metadata that the receiver refused for good.")
        self.metadata_retried = counter("metadata_retried", "Entries of metadata sent again after a failure.")
        self.metadata_bytes = counter("metadata_bytes", "Compressed bytes of metadata sent.")
        self.pending = gauge("samples_pending", "Samples waiting in the buffer.")
        self.buffer = gauge("buffer_bytes", "Bytes of the buffer's files.")
        self.shards = gauge("shards", "Requests at once.")
        self.shards_desired = gauge("shards_desired", "Requests at once that the waiting samples would fill.")
        self.shards_min = gauge("shards_min", "Fewest requests at once.")
        self.shards_max = gauge("shards_max", "Most requests at once.")
        self.capacity = gauge("shard_capacity", "The configured capacity; the buffer is on disk.")
        self.most_samples = gauge("max_samples_per_send", "Most samples of a request.")
        self.sent_at = gauge("queue_highest_sent_timestamp_seconds", "Newest sample sent.")
        self.came_at = Gauge(
            "prometheus_remote_storage_highest_timestamp_in_seconds", "Newest sample to be sent.", registry=registry
        )
        self.samples_in = Counter(
            "prometheus_remote_storage_samples_in", "Samples that came, for every remote once.", registry=registry
        )
        self.took = Histogram(
            "prometheus_remote_storage_sent_batch_duration_seconds", "Time of requests.", by, registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300),
        )  # fmt: skip
        self.loop_failures = Counter(
            "opsctl_remote_write_loop_failures", "Unexpected errors caught by a sending loop.", registry=registry
        )

    def begin(self, by: tuple[str, str]) -> None:
        """Every counter of a remote, from 0."""
        for family in (
            self.sent, self.failed, self.retried, self.bytes, self.metadata, self.metadata_failed, self.metadata_retried,
            self.metadata_bytes,
        ):  # fmt: skip
            family.labels(*by).inc(0)
        for reason in (DROPPED_SERIES, TOO_OLD, BUFFER):
            self.dropped.labels(*by, reason).inc(0)

    def forget(self, by: tuple[str, str]) -> None:
        """A remote that is no more has no series."""
        for family in (
            self.sent, self.failed, self.retried, self.bytes, self.metadata, self.metadata_failed,
            self.metadata_retried, self.metadata_bytes, self.pending, self.buffer, self.shards, self.shards_desired,
            self.shards_min, self.shards_max, self.capacity, self.most_samples, self.sent_at, self.took,
        ):  # fmt: skip
            family.remove_by_labels({"remote_name": by[0], "url": by[1]})
        self.dropped.remove_by_labels({"remote_name": by[0], "url": by[1]})
