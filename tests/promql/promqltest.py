"""A reader for Prometheus' own PromQL test files (promqltest): load, clear, eval, expect."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher, matches_all
from opsctl.model.series import Series
from opsctl.promql import Matrix, PromqlError, Scalar, String, Vector, evaluate_instant, evaluate_range
from opsctl.promql.literals import duration_ms, number
from opsctl.promql.notation import split_series, values
from opsctl.promql.parse import parse
from opsctl.promql.syntax import Node, Selector, value_type

_BESIDE = [above / "shared" / "data" / "promqltest" for above in Path(__file__).resolve().parents[3:]]
FOLDER = next((folder for folder in _BESIDE if folder.is_dir()), _BESIDE[0])


class Store:
    """A list of series as a Querier; `native` are the series that hold native histograms."""

    def __init__(self) -> None:
        self.samples: dict[Labels, dict[int, float]] = {}
        self.native: set[Labels] = set()
        self.touched_native = False

    def add(self, labels: Labels, at: int, value: float) -> None:
        self.samples.setdefault(labels, {})[at] = value

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        found = []
        if any(matches_all(matchers, labels) for labels in self.native):
            self.touched_native = True
        for labels, samples in self.samples.items():
            if matches_all(matchers, labels):
                kept = sorted((t, v) for t, v in samples.items() if start_ms <= t <= end_ms)
                times = np.array([t for t, _ in kept], dtype=np.int64)
                found.append(Series(labels, times, np.array([v for _, v in kept])))
        return found


@dataclass
class Evaluation:
    """One `eval` with what is expected of it."""

    file: str
    line: int
    expr: str
    start: int
    end: int
    step: int
    instant: bool
    store: Store
    expected: list[tuple[str, str]] = field(default_factory=list)
    expects: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.expr}"


def milliseconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    plain = text.lstrip("-")
    return sign * (round(number(plain) * 1000) if re.fullmatch(r"[\d.]+", plain) else duration_ms(plain))


def read(path: Path) -> Iterator[Evaluation]:
    """Every evaluation of a file, each with the store as it was then."""
    store = Store()
    lines = path.read_text().split("\n")
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        first = index
        index += 1
        if not line or line.startswith("#"):
            continue
        if line == "clear":
            store = Store()
            continue
        block = []
        while index < len(lines) and lines[index].strip() and not _command(lines[index].strip()):
            if not lines[index].strip().startswith("#"):
                block.append(lines[index].strip())
            index += 1
        if line.startswith("load"):
            store = _loaded(store, line, block)
            continue
        yield _evaluation(path.name, first + 1, line, block, store)


def _command(line: str) -> bool:
    return line == "clear" or bool(re.match(r"(load|load_with_nhcb|eval\w*)\s", line))


def _loaded(old: Store, line: str, block: list[str]) -> Store:
    store = Store()
    store.samples = {k: dict(v) for k, v in old.samples.items()}
    store.native = set(old.native)
    command, step = line.split()[:2]
    for each in block:
        labels, rest = split_series(each)
        if "{{" in rest:
            store.native.add(labels)
            continue
        for i, value in enumerate(values(rest)):
            if value is not None:
                store.add(labels, i * milliseconds(step), value)
        if command == "load_with_nhcb":
            base = re.sub("_(bucket|count|sum)$", "", labels.name)
            store.native.add(labels.without(("le",)).merged({"__name__": base}))
    return store


def _evaluation(file: str, at: int, line: str, block: list[str], store: Store) -> Evaluation:
    instant = re.match(r"(eval\w*)\s+instant\s+at\s+(\S+)\s+(.*)", line)
    ranged = re.match(r"(eval\w*)\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)", line)
    if instant:
        start = milliseconds(instant.group(2))
        made = Evaluation(file, at, instant.group(3), start, start, 0, True, store)
    else:
        assert ranged is not None, line
        bounds = [milliseconds(ranged.group(i)) for i in (2, 3, 4)]
        made = Evaluation(file, at, ranged.group(5), bounds[0], bounds[1], bounds[2], False, store)
    command = line.split()[0]
    if command in ("eval_fail", "eval_ordered", "eval_warn", "eval_info"):
        made.expects.append(command.removeprefix("eval_"))
    for each in block:
        old = re.match(r"expected_fail_(message|regexp)\s+(.*)", each)
        if old:
            made.expects.append(f"fail {'msg' if old.group(1) == 'message' else 'regex'}: {old.group(2)}")
        elif each.startswith("expect "):
            made.expects.append(each.removeprefix("expect ").strip())
        elif re.fullmatch(r"[-+]?(\d[\d.eE+-]*|\.\d+|[Nn]a[Nn]|[Ii]nf)", each):
            made.expected.append(("", each))
        else:
            _, rest = split_series(each)
            made.expected.append((each[: len(each) - len(rest)], rest))
    return made


def exclusion(evaluation: Evaluation) -> str:
    """Why an evaluation is not one of the stable language's, or ''."""
    if any("{{" in rest for _, rest in evaluation.expected):
        return "expects a native histogram"
    try:
        tree = parse(evaluation.expr)
    except PromqlError as error:
        if "duration expression is not enabled" in error.message:
            return "duration expression"
        if re.search(r"not enabled|experimental", error.message):
            return "experimental function or modifier"
        if evaluation.file == "duration_expression.test" and "fail" not in evaluation.expects:
            return "duration expression"
        return ""
    if _touches_native(tree, evaluation.store):
        return "loads a native histogram"
    return ""


def _touches_native(tree: Node, store: Store) -> bool:
    return any(matches_all(s.matchers, labels) for s in selectors(tree) for labels in store.native)


def selectors(node: object) -> Iterator[Selector]:
    if isinstance(node, Selector):
        yield node
    for name in getattr(node, "__dataclass_fields__", {}):
        value = getattr(node, name)
        for each in value if isinstance(value, tuple) else (value,):
            yield from selectors(each)


def almost(a: float, b: float) -> bool:
    """promqltest's almost.Equal with epsilon 1e-6."""
    if math.isnan(a) and math.isnan(b):
        return True
    if a == b:
        return True
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < 2.2250738585072014e-308:
        return difference < 1e-6 * 2.2250738585072014e-308
    return difference / min(total, 1.7976931348623157e308) < 1e-6


def problem(evaluation: Evaluation) -> str:
    """What is wrong with our answer, or ''."""
    fails = [e for e in evaluation.expects if e.split()[0] == "fail"]
    try:
        got = _run(evaluation)
    except PromqlError as error:
        if not fails:
            return f"raised {error.message}"
        return "" if all(_fits(each, error.message) for each in fails) else f"raised {error.message!r}"
    if fails:
        return "did not fail"
    return _notes(evaluation, got) or (_instant(evaluation, got) if evaluation.instant else _range(evaluation, got))


def _fits(expect: str, text: str) -> bool:
    """Whether a text is what `fail msg: …` or `fail regex: …` say; a bare `fail` takes any."""
    wanted = re.match(r"\w+\s+(msg|regex):\s*(.*)", expect)
    if wanted is None:
        return True
    return wanted.group(2) == text if wanted.group(1) == "msg" else re.search(wanted.group(2), text) is not None


def problem_in_range(evaluation: Evaluation) -> str:
    """An instant query's result must stand in the middle of a range query too: what Prometheus' own reader checks."""
    failing = any(e.split()[0] in ("fail", "ordered") for e in evaluation.expects)
    if not evaluation.instant or failing or value_type(parse(evaluation.expr)) not in ("vector", "scalar"):
        return ""
    middle = evaluation.start
    try:
        got = evaluate_range(evaluation.expr, evaluation.store, middle - 60_000, middle + 60_000, 60_000)
    except PromqlError as error:
        return f"raised {error.message}"
    rows: dict[Labels, list[float | None]] = {}
    for each in got.series:
        held = dict(zip(each.times.tolist(), each.values.tolist(), strict=True))
        if middle in held:
            rows[each.labels] = [held[middle]]
    expected = {
        split_series(series)[0] if series else Labels(): values(rest)[:1] for series, rest in evaluation.expected
    }
    return _compare({labels: list(row) for labels, row in expected.items()}, rows)


def _run(evaluation: Evaluation) -> object:
    if evaluation.instant:
        return evaluate_instant(evaluation.expr, evaluation.store, evaluation.start)
    return evaluate_range(evaluation.expr, evaluation.store, evaluation.start, evaluation.end, evaluation.step)


def _notes(evaluation: Evaluation, got: object) -> str:
    for kind, notes in (("warn", getattr(got, "warnings", ())), ("info", getattr(got, "infos", ()))):
        for expect in evaluation.expects:
            word, _, rest = expect.partition(" ")
            if word == f"no_{kind}" and notes:
                return f"notes {notes}"
            if word == kind and not notes:
                return f"no {kind} note"
            text = rest.partition(":")[2].strip()
            if word == kind and rest.startswith("msg:") and text not in notes:
                return f"{notes} is not {text!r}"
            if word == kind and rest.startswith("regex:") and not any(re.search(text, n) for n in notes):
                return f"{notes} does not match {text!r}"
    return ""


def _instant(evaluation: Evaluation, got: object) -> str:
    strings = [e.partition(" ")[2].strip() for e in evaluation.expects if e.startswith("string ")]
    if isinstance(got, String):
        wanted = strings[0]
        wanted = wanted[1:-1] if wanted.startswith("`") else wanted[1:-1].encode().decode("unicode_escape")
        return "" if wanted == got.value else f"got {got.value!r}"
    if isinstance(got, Scalar):
        wanted_value = values(evaluation.expected[0][1])[0]
        return "" if wanted_value is not None and almost(wanted_value, got.value) else f"got {got.value}"
    if isinstance(got, Matrix):
        return _range_vector(evaluation, got)
    assert isinstance(got, Vector)
    expected = {split_series(series)[0]: values(rest)[0] for series, rest in evaluation.expected if series}
    if any(e.split()[0] == "ordered" for e in evaluation.expects) and list(expected) != list(got.labels):
        return f"order {[str(x) for x in got.labels]}"
    return _compare({k: [v] for k, v in expected.items()}, {k: [v] for k, v in got})


def _range_vector(evaluation: Evaluation, got: Matrix) -> str:
    """`expect range vector from A to B step C`: the samples themselves."""
    form = r"range vector from (\S+) to (\S+) step (\S+)"
    spans = [m for m in (re.fullmatch(form, e) for e in evaluation.expects) if m]
    if not spans:
        return "a matrix"
    start, end, step = (milliseconds(text) for text in spans[0].groups())
    if any((t - start) % step or not start <= t <= end for s in got.series for t in s.times.tolist()):
        return f"samples at {[s.times.tolist() for s in got.series]}"
    return _range(replace(evaluation, start=start, end=end, step=step), got)


def _range(evaluation: Evaluation, got: object) -> str:
    assert isinstance(got, Matrix)
    count = (evaluation.end - evaluation.start) // evaluation.step + 1
    expected: dict[Labels, list[float | None]] = {}
    for series, rest in evaluation.expected:
        found = list(values(rest))
        expected[split_series(series)[0] if series else Labels()] = (found + [None] * count)[:count]
    rows: dict[Labels, list[float | None]] = {}
    for each in got.series:
        row: list[float | None] = [None] * count
        for t, v in zip(each.times.tolist(), each.values.tolist(), strict=True):
            row[(t - evaluation.start) // evaluation.step] = v
        rows[each.labels] = row
    return _compare({k: v for k, v in expected.items() if any(x is not None for x in v)}, rows)


def _compare(expected: dict[Labels, list[float | None]], got: dict[Labels, list[float | None]]) -> str:
    for labels, row in expected.items():
        if labels not in got:
            return f"no {labels} among {[str(x) for x in got]}"
        for a, b in zip(row, got[labels], strict=True):
            if (a is None) != (b is None) or (a is not None and b is not None and not almost(a, b)):
                return f"{labels}: expected {row}, got {got[labels]}"
    extra = [str(x) for x in got if x not in expected]
    return f"unexpected {extra}" if extra else ""
