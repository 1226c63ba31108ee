"""The flags of Prometheus 3 and what becomes of each: used, taken for its name's sake, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opsctl.cli.kingpin import Flag, boolean, duration, number, one_of, size, words
from opsctl.promql.scope import MAX_SAMPLES

TITLE = "Prometheus Time Series Collection and Processing Server"


def _flag(name: str, default: str, help: str, read: Callable[[str], str] = str, **more: bool) -> Flag:
    return Flag(name, default, help, read, **more)


USED = (
    _flag("config", "", "opsctl.yml, for defaults and databases; no flag of Prometheus."),
    _flag("config.file", "", "prometheus.yml."),
    _flag("web.listen-address", "", "HOST:PORT to listen on."),
    _flag("web.external-url", "", "How others reach it; its path is before all paths."),
    _flag("web.route-prefix", "", "What is before all paths; the path of --web.external-url when not given."),
    _flag("web.enable-lifecycle", "false", "Open POST /-/reload and /-/quit.", boolean),
    _flag("web.enable-remote-write-receiver", "false", "Open POST /api/v1/write.", boolean),
    _flag("web.config.file", "", "TLS, users and headers of the server."),
    _flag("web.page-title", TITLE, "The title of the page at /."),
    _flag("web.cors.origin", ".*", "Origins whose pages may read the API: a regular expression of the whole."),
    _flag("storage.tsdb.path", "", "The store's folder."),
    _flag("storage.tsdb.retention.time", "", "How long samples are kept.", duration),
    _flag("storage.tsdb.retention.size", "", "How much room blocks may take.", size),
    _flag("rules.alert.for-outage-tolerance", "1h", "Longest outage that alerts outlive.", duration),
    _flag("alertmanager.notification-queue-capacity", "10000", "Most alerts waiting for one Alertmanager.", number),
    _flag("rules.alert.for-grace-period", "", "What pending alerts wait at least after a restart.", duration),
    _flag("rules.alert.resend-delay", "1m", "Least time between two sendings of an alert.", duration),
    _flag("query.lookback-delta", "5m", "How far back a value counts.", duration),
    _flag("query.timeout", "2m", "Longest query.", duration),
    _flag("query.max-concurrency", "4", "Queries at once.", number),
    _flag("query.max-samples", str(MAX_SAMPLES), "Most samples that a query may hold at once.", number),
    _flag("enable-feature", "", "Features by name, with commas between.", words, repeats=True),
    _flag("log.level", "info", "What is logged: debug, info, warn, error.", one_of("level", "debug", "info", "warn", "error")),
    _flag("log.format", "logfmt", "Taken for its name's sake: logs are ECS JSON.", one_of("format", "logfmt", "json")),
)  # fmt: skip

TAKEN = (
    _flag("config.auto-reload-interval", "30s", "", duration), _flag("auto-gomaxprocs", "true", "", boolean),
    _flag("auto-gomemlimit", "true", "", boolean), _flag("auto-gomemlimit.ratio", "0.9", "", number),
    _flag("web.read-timeout", "5m", "", duration), _flag("web.max-connections", "512", "", number),
    _flag("web.max-notifications-subscribers", "16", "", number),
    _flag("web.remote-write-receiver.accepted-protobuf-messages", "prometheus.WriteRequest", "", str, repeats=True),
    _flag("web.console.templates", "consoles", ""), _flag("web.console.libraries", "console_libraries", ""),
    _flag("web.local-assets", "", ""), _flag("storage.tsdb.min-block-duration", "2h", "", duration),
    _flag("storage.tsdb.max-block-duration", "1d12h", "", duration),
    _flag("storage.tsdb.max-block-chunk-segment-size", "0B", "", size),
    _flag("storage.tsdb.wal-segment-size", "0B", "", size), _flag("storage.tsdb.no-lockfile", "false", "", boolean),
    _flag("storage.tsdb.allow-overlapping-blocks", "true", "", boolean),
    _flag("storage.tsdb.allow-overlapping-compaction", "true", "", boolean),
    _flag("storage.tsdb.wal-compression", "true", "", boolean), _flag("storage.tsdb.wal-compression-type", "snappy", ""),
    _flag("storage.tsdb.head-chunks-write-queue-size", "0", "", number),
    _flag("storage.tsdb.samples-per-chunk", "120", "", number),
    _flag("storage.tsdb.delayed-compaction.max-percent", "10", "", number),
    _flag("storage.tsdb.block-reload-interval", "1m", "", duration),
    _flag("storage.remote.flush-deadline", "1m", "", duration),
    _flag("storage.remote.read-sample-limit", "50000000", "", number),
    _flag("storage.remote.read-concurrent-limit", "10", "", number),
    _flag("storage.remote.read-max-bytes-in-frame", "1048576", "", number),
    _flag("rules.max-concurrent-evals", "4", "", number), _flag("scrape.adjust-timestamps", "true", "", boolean),
    _flag("scrape.timestamp-tolerance", "2ms", "", duration), _flag("scrape.discovery-reload-interval", "5s", "", duration),
    _flag("scrape.name-escaping-scheme", "values", ""),
    _flag("alertmanager.notification-batch-size", "256", "", number),
    _flag("alertmanager.drain-notification-queue-on-shutdown", "true", "", boolean),
    _flag("alertmanager.timeout", "", ""),
)  # fmt: skip
"""What they tune does not exist here, or has one right value."""


@dataclass(frozen=True)
class Lacking:
    """A flag that would promise what does not happen; `instead`: what to do."""

    flag: Flag
    instead: str


LACKING = (
    Lacking(_flag("storage.tsdb.retention", "", "", duration), "use --storage.tsdb.retention.time"),
    Lacking(
        _flag("web.enable-admin-api", "false", "", boolean), "stop the process to take its folder away or to copy it"
    ),
    Lacking(_flag("web.enable-otlp-receiver", "false", "", boolean), "send remote write 1.0 to /api/v1/write"),
    Lacking(_flag("web.user-assets", "", ""), "serve files with a web server"),
    Lacking(_flag("storage.tsdb.delay-compact-file.path", "", ""), "leave it out: nobody uploads this store's files"),
    Lacking(_flag("agent", "false", "", boolean), "scrape with remote_write in prometheus.yml"),
)

AGENT = tuple(
    _flag(f"storage.agent.{name}", "", "", read)
    for name, read in (
        ("path", str), ("wal-segment-size", size), ("wal-compression", boolean), ("wal-compression-type", str),
        ("wal-truncate-frequency", duration), ("retention.min-time", duration), ("retention.max-time", duration),
        ("no-lockfile", boolean),
    )
)  # fmt: skip

NO_OP_FEATURES = frozenset(
    [
        "promql-at-modifier",
        "promql-negative-offset",
        "ooo-native-histograms",
        "native-histograms",
        "auto-gomaxprocs",
        "auto-gomemlimit",
        "no-default-scrape-port",
        "new-service-discovery-manager",
        "expand-external-labels",
        "concurrent-rule-eval",
        "delayed-compaction",
        "memory-snapshot-on-shutdown",
        "use-uncached-io",
        "old-ui",
        "utf8-names",
        "metadata-wal-records",
    ]
)
LACKING_FEATURES = frozenset(
    [
        "agent",
        "exemplar-storage",
        "auto-reload-config",
        "promql-per-step-stats",
        "promql-experimental-functions",
        "promql-duration-expr",
        "promql-delayed-name-removal",
        "promql-extended-range-selectors",
        "promql-binop-fill-modifiers",
        "created-timestamp-zero-ingestion",
        "otlp-write-receiver",
        "otlp-deltatocumulative",
        "otlp-native-delta-ingestion",
        "type-and-unit-labels",
    ]
)

ALL: Mapping[str, Flag] = {flag.name: flag for flag in (*USED, *TAKEN, *(lacking.flag for lacking in LACKING), *AGENT)}
