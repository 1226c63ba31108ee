"""A file of rule unit tests, as promtool reads them. Source: cmd/promtool/unittest.go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from opsctl.core.document import Source, convert, document, read
from opsctl.core.soundness import sound
from opsctl.rules.document import Span, Words, without_nulls


def _number(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f"not a number: {value!r} (write .nan, .inf)")
    return value


Figure = Annotated[float, BeforeValidator(_number)]


@document
class InputSeries:
    series: Words
    values: Words


@document
class ExpectedAlert:
    exp_labels: dict[str, Words] = field(default_factory=dict)
    exp_annotations: dict[str, Words] = field(default_factory=dict)


@document
class AlertTest:
    """Which alerts of a name fire at `eval_time`."""

    eval_time: Span = 0.0
    alertname: Words = ""
    exp_alerts: tuple[ExpectedAlert, ...] = ()


@document
class ExpectedSample:
    labels: Words = ""
    value: Figure = 0.0
    histogram: Words = ""


@document
class ExpressionTest:
    """What an expression gives at `eval_time`."""

    expr: Words = ""
    eval_time: Span = 0.0
    exp_samples: tuple[ExpectedSample, ...] = ()


@document
class TestGroup:
    """One set of input series and what is expected of it."""

    __test__ = False

    name: Words = ""
    interval: Span = 0.0
    start_timestamp: Words = ""
    input_series: tuple[InputSeries, ...] = ()
    alert_rule_test: tuple[AlertTest, ...] = ()
    promql_expr_test: tuple[ExpressionTest, ...] = ()
    external_labels: dict[str, Words] = field(default_factory=dict)
    external_url: Words = ""


@document
class TestFile:
    """`rule_files` may hold wildcards and are relative to the file. `file` is where it stands."""

    __test__ = False

    rule_files: tuple[Words, ...] = ()
    evaluation_interval: Span = 60.0
    group_eval_order: tuple[Words, ...] = ()
    tests: tuple[TestGroup, ...] = ()
    fuzzy_compare: bool = False
    file: str = ""


def load_test_file(path: Path) -> TestFile:
    """Reads a test file. Raises DocumentError."""
    source = sound(read(path))
    if isinstance(source.data, dict) and "file" in source.data:
        raise source.refuse(("file",), "unknown key")
    data = without_nulls(source.data)
    if isinstance(data, dict) and not data.get("evaluation_interval"):
        data.pop("evaluation_interval", None)
    made = convert(Source(source.file, data, source.node), TestFile)
    for t, test in enumerate(made.tests):
        for e, expression in enumerate(test.promql_expr_test):
            if any(sample.histogram for sample in expression.exp_samples):
                where = ("tests", t, "promql_expr_test", e, "exp_samples")
                raise source.refuse(where, "native histograms are not supported")
    for place, name in enumerate(made.group_eval_order):
        if name in made.group_eval_order[:place]:
            raise source.refuse(("group_eval_order", place), f"group name repeated in evaluation order: {name}")
    return replace(made, file=str(path))


def rule_paths(path: Path, patterns: Sequence[str]) -> list[Path]:
    """The rule files of a test file; a pattern that meets nothing is skipped, as in promtool."""
    found: list[Path] = []
    for pattern in patterns:
        whole = Path(pattern) if Path(pattern).is_absolute() else path.parent / pattern
        found += sorted(whole.parent.glob(whole.name)) if _wild(whole.name) else [whole]
    return found


def _wild(name: str) -> bool:
    return any(char in name for char in "*?[")
