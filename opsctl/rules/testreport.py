"""Failures of rule tests in promtool's words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import ndiff

from opsctl.model.duration import format_duration
from opsctl.model.labels import Labels, quote
from opsctl.rules.testfile import AlertTest

LabelsAndAnnotations = tuple[Labels, Labels]


def alert_failure(
    name: str,
    test: AlertTest,
    expected: Sequence[LabelsAndAnnotations],
    got: Sequence[LabelsAndAnnotations],
    diff: bool = False,
) -> str:
    """`exp:` and `got:` alerts, one block each; or the difference of the two."""
    indent = " " * 12
    named = f"    name: {name},\n" if name else ""
    head = f"{named}    alertname: {test.alertname}, time: {format_duration(test.eval_time)}, "
    if diff:
        return _difference(head, _alerts(expected).split("\n"), _alerts(got).split("\n"))
    return (
        f"{head}\n        exp:{_indented(_alerts(expected), indent)}, \n        got:{_indented(_alerts(got), indent)}"
    )


def _alerts(alerts: Sequence[LabelsAndAnnotations]) -> str:
    if not alerts:
        return "[]"
    blocks = [
        f"{place}:\n  Labels:{label_text(labels)}\n  Annotations:{label_text(annotations)}"
        for place, (labels, annotations) in enumerate(alerts)
    ]
    return "[\n" + ",\n".join(blocks) + "\n]"


def _indented(text: str, indent: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(indent + line for line in rest)])


def expression_failure(
    head: str,
    expected: Sequence[tuple[Labels, float]],
    got: Sequence[tuple[Labels, float]],
    diff: bool = False,
) -> str:
    """`exp:` and `got:` samples, one line each; or the difference of the two, a line a sample."""
    if diff:
        return _difference(head, *([_samples([each]) for each in samples] for samples in (expected, got)))
    return f"{head}\n        exp: {_samples(expected)}\n        got: {_samples(got)}"


def _difference(head: str, expected: Sequence[str], got: Sequence[str]) -> str:
    """All lines: `-` was expected and is missing, `+` came unexpected."""
    lines = [line.rstrip("\n") for line in ndiff(expected, got) if not line.startswith("?")]
    return "\n".join([f"{head}\n        diff:", *(f"          {line}" for line in lines)])


def _samples(samples: Sequence[tuple[Labels, float]]) -> str:
    return ", ".join(f"{label_text(labels)} {scientific(value)}" for labels, value in samples) or "nil"


def label_text(labels: Labels) -> str:
    """`{__name__="up", job="a"}`"""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"


def scientific(value: float) -> str:
    """Go's 'E' format, shortest: 1.5 → `1.5E+00`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits = repr(abs(value)).replace(".", "").partition("e")[0].strip("0")
    mantissa, _, exponent = f"{value:.{max(len(digits) - 1, 0)}E}".partition("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}"
