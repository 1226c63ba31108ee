"""What scraping says of itself, under Prometheus' names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary


class ScrapeFigures:
    """The scrape manager's own metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pools = Gauge(
            "prometheus_target_scrape_pool_targets", "Targets of a job.", ["scrape_job"], registry=registry
        )
        self.target_limit = Gauge(
            "prometheus_target_scrape_pool_target_limit", "Most targets of a job, 0 for no limit.", ["scrape_job"],
            registry=registry,
        )  # fmt: skip
        self.sync_failed = Counter(
            "prometheus_target_sync_failed", "Targets that could not be made.", ["scrape_job"], registry=registry
        )
        self.discovered = Gauge(
            "prometheus_sd_discovered_targets", "Targets found, before relabelling.", ["name", "config"],
            registry=registry,
        )  # fmt: skip
        self.file_times = Gauge(
            "prometheus_sd_file_mtime_seconds", "When a file of targets was changed last.", ["filename"],
            registry=registry,
        )  # fmt: skip
        self.intervals = Summary(
            "prometheus_target_interval_length_seconds", "Time between two scrapes of a target.", ["interval"],
            registry=registry,
        )  # fmt: skip
        self.made = Counter("prometheus_target_scrape_pools", "Jobs begun.", registry=registry)
        self.reloads = Counter("prometheus_target_scrape_pool_reloads", "Jobs changed by a reload.", registry=registry)
        self.syncs = Counter(
            "prometheus_target_scrape_pool_sync", "Times that a job's targets were made.", ["scrape_job"],
            registry=registry,
        )  # fmt: skip
        self.sync_length = Summary(
            "prometheus_target_sync_length_seconds", "Time to make a job's targets.", ["scrape_job"], registry=registry
        )
        self.over_limit = Counter(
            "prometheus_target_scrapes_exceeded_sample_limit", "Scrapes over the job's sample limit.", registry=registry
        )
        self.over_body_limit = Counter(
            "prometheus_target_scrapes_exceeded_body_size_limit", "Scrapes over the job's body size limit.",
            registry=registry,
        )  # fmt: skip
        self.over_label_limits = Counter(
            "prometheus_target_scrape_pool_exceeded_label_limits", "Scrapes over one of the job's label limits.",
            registry=registry,
        )  # fmt: skip
        self.over_target_limit = Counter(
            "prometheus_target_scrape_pool_exceeded_target_limit", "Times that a job had more targets than allowed.",
            registry=registry,
        )  # fmt: skip
        self.out_of_order = Counter(
            "prometheus_target_scrapes_sample_out_of_order", "Samples refused as not newer.", registry=registry
        )
        self.duplicate = Counter(
            "prometheus_target_scrapes_sample_duplicate_timestamp", "Samples refused as of a time that is taken.",
            registry=registry,
        )  # fmt: skip
        self.too_old = Counter(
            "prometheus_target_scrapes_sample_out_of_bounds", "Samples refused as too old.", registry=registry
        )
        self.failures = Counter(
            "opsctl_scrape_loop_failures", "Unexpected errors caught by a scrape loop.", registry=registry
        )
        self.missed = Counter(
            "opsctl_scrape_missed", "Scrapes not begun because the one before took too long.", registry=registry
        )
        self.lag = Gauge("opsctl_scrape_lag_seconds", "How late the last scrape began.", registry=registry)
        self.http_sd_failures = Counter(
            "prometheus_sd_http_failures", "Lists of targets that could not be fetched.", registry=registry
        )
        self.sd_failures = Counter(
            "prometheus_sd_file_read_errors", "Files of targets that could not be read.", registry=registry
        )
