"""The `global` part: paces, labels for the outside, and what jobs have that say nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal

from opsctl.core.document import Source, document
from opsctl.scrape.config.fields import Bytes, Limit, Span, check_label_names

_VARIABLE = re.compile(r"\$(\$|\{([^}]*)\}|([*#@!?0-9-]|[a-zA-Z_]\w*))", re.ASCII)
"""As Go's os.Expand finds them: a digit is a name of its own."""
Protocol = Literal[
    "PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"
]
Validation = Literal["", "utf8", "legacy"]
Escaping = Literal["", "allow-utf-8", "underscores", "dots", "values"]


@document
class ScrapeLimits:
    """What a job may have at most, 0 for no limit; of `body_size_limit` (bytes): our own."""

    sample_limit: Limit = 0
    label_limit: Limit = 0
    label_name_length_limit: Limit = 0
    label_value_length_limit: Limit = 0
    target_limit: Limit = 0
    body_size_limit: Bytes = 0
    keep_dropped_targets: Limit = 0


@document
class ScrapeManners(ScrapeLimits):
    """How pages are asked for and names are taken, globally or for a job. '' and None: as one level up."""

    scrape_protocols: tuple[Protocol, ...] | None = None
    metric_name_validation_scheme: Validation = ""
    metric_name_escaping_scheme: Escaping = ""
    scrape_failure_log_file: str = ""
    extra_scrape_metrics: bool | None = None
    scrape_native_histograms: bool | None = None
    always_scrape_classic_histograms: bool | None = None
    convert_classic_histograms_to_nhcb: bool | None = None


@document
class Global(ScrapeManners):
    """Intervals in seconds, labels for the outside, limits of jobs that have none of their own."""

    scrape_interval: Span = 60.0
    scrape_timeout: Span = 0.0
    evaluation_interval: Span = 60.0
    rule_query_offset: Span = 0.0
    external_labels: dict[str, str] = field(default_factory=dict)


def with_global_defaults(common: Global) -> Global:
    """Intervals that are written as 0 are the usual ones."""
    return replace(
        common,
        scrape_interval=common.scrape_interval or 60.0,
        evaluation_interval=common.evaluation_interval or 60.0,
    )


def check_global(source: Source, common: Global) -> None:
    """Raises DocumentError. Source: Prometheus, config GlobalConfig."""
    legacy = common.metric_name_validation_scheme == "legacy"
    check_label_names(source, ("global", "external_labels"), common.external_labels, legacy)
    if common.scrape_timeout > (common.scrape_interval or 60.0):
        raise source.refuse(("global", "scrape_timeout"), "global scrape timeout greater than scrape interval")
    check_manners(source, ("global",), common, " for global config")


def check_manners(source: Source, place: tuple[int | str, ...], said: ScrapeManners, whose: str) -> None:
    """Raises DocumentError at what no page can be asked for, and at native histograms, which we do not have."""
    protocols = said.scrape_protocols
    if protocols is not None:
        at = (*place, "scrape_protocols")
        if not protocols:
            raise source.refuse(at, f"scrape_protocols cannot be empty{whose}")
        if len(set(protocols)) < len(protocols):
            raise source.refuse(at, f"duplicated protocol in scrape_protocols{whose}")
        if protocols == ("PrometheusProto",):
            raise source.refuse(at, "opsctl reads no protobuf", "add a text format")
    for key in (
        "scrape_native_histograms", "always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb",
    ):  # fmt: skip
        if getattr(said, key):
            raise source.refuse((*place, key), "opsctl has no native histograms", "only false is taken")


def with_environment(labels: Mapping[str, str], environment: Mapping[str, str] | None) -> dict[str, str]:
    """Values with `$NAME` and `${NAME}` put in, '' for what is not set; `$$` is a dollar."""
    known = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name = match[2] if match[2] is not None else match[3]
        return "$" if match[1] == "$" or name == "$" else known.get(name, "")

    return {name: _VARIABLE.sub(value, text) for name, text in labels.items()}
