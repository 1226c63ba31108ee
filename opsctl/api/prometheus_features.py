"""features: what this server has of what Prometheus may have. Source: the names of prometheus util/features."""

from __future__ import annotations

from collections.abc import Iterable

from opsctl.api.prometheus_options import WebOptions

_OPERATORS = [
    "!=",
    "!~",
    "%",
    "*",
    "+",
    "-",
    "/",
    "<",
    "<=",
    "==",
    "=~",
    ">",
    ">=",
    "@",
    "^",
    "and",
    "atan2",
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "max",
    "min",
    "or",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
]
_FUNCTIONS = [
    "abs",
    "absent",
    "absent_over_time",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "avg_over_time",
    "ceil",
    "changes",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "count_over_time",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "delta",
    "deriv",
    "exp",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "hour",
    "idelta",
    "increase",
    "irate",
    "label_join",
    "label_replace",
    "last_over_time",
    "ln",
    "log10",
    "log2",
    "max_over_time",
    "min_over_time",
    "minute",
    "month",
    "pi",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rad",
    "rate",
    "resets",
    "round",
    "scalar",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_desc",
    "sqrt",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "vector",
    "year",
]
_EXPERIMENTAL = [
    "double_exponential_smoothing",
    "first_over_time",
    "histogram_quantiles",
    "info",
    "mad_over_time",
    "sort_by_label",
    "sort_by_label_desc",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
]
_PROMQL = "at_modifier bool by group_left group_right ignoring negative_offset offset on per_query_lookback_delta subqueries without"
_PROMQL_LACKING = (
    "anchored delayed_name_removal duration_expr fill fill_left fill_right per_step_stats smoothed type_and_unit_labels"
)
_API = "exclude_alerts label_values_match query_stats query_warnings time_range_labels time_range_series"
_TEMPLATES = (
    "args externalURL first graphLink humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp label match "
    "now parseDuration pathPrefix query reReplaceAll safeHtml sortByLabel stripDomain stripPort strvalue tableLink title "
    "toDuration toLower toTime toUpper urlQueryEscape value"
)


def features_data(options: WebOptions) -> dict[str, dict[str, bool]]:
    """Every feature by its kind and name."""
    written = options.flags.get("web.enable-remote-write-receiver") == "true"
    return {
        "api": {
            **_all(_API.split()), "admin": False, "lifecycle": options.lifecycle, "remote_write_receiver": written,
            "otlp_write_receiver": False, "openapi_3.1": False, "openapi_3.2": False,
        },
        "otlp_receiver": _all(("delta_conversion", "native_delta_ingestion"), False),
        "prometheus": {"agent_mode": False, "auto_reload_config": False, "server_mode": True},
        "promql": {**_all(_PROMQL.split()), **_all(_PROMQL_LACKING.split(), False)},
        "promql_functions": {**_all(_FUNCTIONS), **_all(_EXPERIMENTAL, False)},
        "promql_operators": {**_all(_OPERATORS), **_all(("limit_ratio", "limitk"), False)},
        "rules": {"concurrent_rule_eval": False, "keep_firing_for": True, "query_offset": True},
        "scrape": _all(("extra_scrape_metrics", "start_timestamp_zero_ingestion", "type_and_unit_labels"), False),
        "service_discovery_providers": _all(("file", "http", "static")),
        "templating_functions": _all(_TEMPLATES.split()),
        "tsdb": {
            **_all(("delayed_compaction", "exemplar_storage", "native_histograms", "use_uncached_io"), False),
            "isolation": True,
        },
        "ui": _all(("ui_v2", "ui_v3"), False),
    }  # fmt: skip


def _all(names: Iterable[str], there: bool = True) -> dict[str, bool]:
    return dict.fromkeys(sorted(names), there)
