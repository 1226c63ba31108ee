"""What a page may hold: sample and label limits, names. Source: Prometheus 3, scrape verifyLabelLimits."""

from __future__ import annotations

import re

from opsctl.model.labels import METRIC_NAME, Labels, quote
from opsctl.scrape.config import ScrapeLimits
from opsctl.scrape.parse import BadExposition

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class LimitExceeded(ValueError):
    """The page is larger than the job allows. It counted so many samples, so many after relabelling, so many new."""

    def __init__(self, message: str, scraped: int = 0, kept: int = 0, added: int = 0) -> None:
        super().__init__(message)
        self.counts = (float(scraped), float(kept), float(added))


class SampleLimitExceeded(LimitExceeded):
    """It has more samples than sample_limit."""


class LabelLimitExceeded(LimitExceeded):
    """A series has more or longer labels than the job's label limits."""


def check_names(labels: Labels, legacy: bool) -> None:
    """Raises BadExposition for a series without a metric's name, or `legacy`, with one of other characters."""
    if METRIC_NAME not in labels:
        raise BadExposition("missing metric name (__name__ label)", counted=True)
    if legacy and not (_METRIC.fullmatch(labels.name) and all(_LABEL.fullmatch(name) for name in labels)):
        raise BadExposition(f"invalid metric name or label names: {labels}", counted=True)


def check_labels(labels: Labels, limits: ScrapeLimits) -> None:
    """Raises LabelLimitExceeded. Lengths are in bytes, as Prometheus counts them."""
    most, metric = limits.label_limit, labels.name[:50]
    if most and len(labels) > most:
        raise LabelLimitExceeded(
            f"label_limit exceeded (metric: {metric}, number of labels: {len(labels)}, limit: {most})"
        )
    if not (limits.label_name_length_limit or limits.label_value_length_limit):
        return
    for name, value in labels.items():
        _check_lengths(metric, name, value, limits)


def _check_lengths(metric: str, name: str, value: str, limits: ScrapeLimits) -> None:
    most, size = limits.label_name_length_limit, len(name.encode())
    if most and size > most:
        raise LabelLimitExceeded(
            f"label_name_length_limit exceeded (metric: {metric}, label name: {name[:50]}, length: {size}, limit: {most})"
        )
    most, size = limits.label_value_length_limit, len(value.encode())
    if most and size > most:
        raise LabelLimitExceeded(
            f"label_value_length_limit exceeded (metric: {metric}, label name: {name[:50]}, "
            f"value: {quote(value[:50])}, length: {size}, limit: {most})"
        )
