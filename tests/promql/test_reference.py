"""The fast evaluator and the plain one give the same over random series and expressions."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from opsctl.model.labels import Labels
from opsctl.model.series import STALE, Series
from opsctl.promql import Matrix, PromqlError, Vector, evaluate_instant, evaluate_range, parse
from tests.promql.memory import Memory
from tests.promql.reference import Line, Reference, Refused

STEP, POINTS = 15_000, 60
VALUES = (0.0, 1.0, 2.0, 3.0, 5.0, -1.0, -2.5, 10.0, 0.5, 7.0, 7.0)
ODD = (math.nan, math.inf, -math.inf, 1e9)


class Writer:
    """Random expressions of the stable language, from a seed."""

    def __init__(self, source: random.Random) -> None:
        self.pick, self.source = source.choice, source

    def vector(self, depth: int) -> str:
        if depth <= 0 or self.source.random() < 0.15:
            return self.selector()
        made = [
            self.over, self.over, self.aggregate, self.binary, self.binary, self.joined, self.value_by_value, self.other,
        ]  # fmt: skip
        return self.pick(made)(depth - 1)

    def selector(self) -> str:
        name = self.pick(["a", "b", "c_total", ""])
        matchers = self.pick(['{x="1"}', '{x=~"1|2"}', '{y!="1"}', '{x!~"2"}', ""])
        matchers = matchers if name else self.pick(['{__name__=~"a|b"}', '{x="1"}', '{y=~".+"}'])
        return name + matchers + self.modifier()

    def modifier(self) -> str:
        return self.pick(["", "", "", "", " offset 45s", " offset -1m", " @ 300", " @ start()", " @ end() offset 1m"])

    def window(self, depth: int) -> str:
        if depth > 0 and self.source.random() < 0.3:
            span = self.pick(["[2m:30s]", "[3m:]", "[50s:7s]"])
            return f"({self.vector(depth - 1)}){span}{self.modifier()}"
        name = self.pick(["a", "b", "c_total"]) + self.pick(["", '{x="1"}'])
        return name + self.pick(["[15s]", "[1m]", "[90s]", "[5m]"]) + self.modifier()

    def over(self, depth: int) -> str:
        name = self.pick(OVER)
        window = self.window(0 if name in ("changes", "resets") else depth)  # the last digit makes a change
        if name == "quantile_over_time":
            return f"{name}({self.pick(['0.5', '0.9', '0', '1', '-1', '2', 'NaN'])}, {window})"
        return f"{name}({window}, 60)" if name == "predict_linear" else f"{name}({window})"

    def aggregate(self, depth: int) -> str:
        grouping = self.pick(["", " by (x)", " without (x)", " by (__name__)", " by (x, y)", " without ()"])
        inside = self.vector(depth)
        op = self.pick(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile", "count_values"])
        inside = self.selector() if op == "count_values" else inside  # values as they are: their last digit counts
        param = {"quantile": self.pick(["0.5, ", "0.3, ", "-1, "]), "count_values": self.pick(['"v", ', '"x", '])}
        return f"{op}{grouping} ({param.get(op, '')}{inside})"

    def matching(self) -> str:
        return self.pick(["", "", " on (x)", " on (x, y)", " ignoring (y)", " ignoring (x)", " on ()"])

    def binary(self, depth: int) -> str:
        op = self.pick(["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool"])
        scalar = self.pick(["2", "0", "-1", "0.5", 'scalar(a{x="1",y="1"})', "time()"])
        inside = (
            self.selector() if op == "%" else self.vector(depth)
        )  # what is left of a product hangs on its last digit
        sides = [f"({inside})", scalar]
        self.source.shuffle(sides)
        return f"{sides[0]} {op} {sides[1]}"

    def joined(self, depth: int) -> str:
        left, right = f"({self.vector(depth)})", f"({self.vector(depth)})"
        if self.source.random() < 0.4:
            return f"{left} {self.pick(['and', 'or', 'unless'])}{self.matching()} {right}"
        op = self.pick(["+", "-", "*", "==", ">", "> bool", "!="])
        group = self.pick(["", "", " group_left ()", " group_right (y)", " group_left (y)"])
        matching = self.matching()
        group = group.replace("(y)", "()") if "y)" in matching else group
        return f"{left} {op}{matching}{group if matching else ''} {right}"

    def value_by_value(self, depth: int) -> str:
        inside, exact = self.vector(depth), self.selector()
        return self.pick([
            f"abs({inside})", f"floor({exact})", f"ceil({exact})", f"sgn({exact})", f"clamp({inside}, -1, 3)",
            f"clamp({inside}, 3, 1)", f"clamp_min({inside}, 1)", f"clamp_max({inside}, 2)", f"round({exact})",
            f"round({exact}, 5)", f"-({inside})",
        ])  # fmt: skip

    def other(self, depth: int) -> str:
        inside = self.vector(depth)
        return self.pick([
            f"timestamp({self.selector()})", f"timestamp(({inside}))", f"vector(scalar({inside}))",
            f'label_replace({inside}, "x", "$1", "y", "(.*)")', f'label_replace({inside}, "z", "q", "x", "1")',
            f'label_replace({inside}, "__name__", "", "x", ".*")', f"sort({inside})",
        ])  # fmt: skip


OVER = [
    "rate", "increase", "delta", "irate", "idelta", "changes", "resets", "sum_over_time", "avg_over_time",
    "min_over_time", "max_over_time", "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
    "stdvar_over_time", "quantile_over_time", "deriv", "predict_linear",
]  # fmt: skip


def lines(source: random.Random) -> list[Line]:
    """Series of a few targets: some share their times, some have gaps, resets, ends and odd values."""
    made = []
    for name in ("a", "b", "c_total"):
        for x in ("1", "2"):
            for y in ("1", "2"):
                if source.random() < 0.25:
                    continue
                jitter = source.choice([0, 0, 0, 3, 1000])
                gaps, odd = source.choice([0.0, 0.0, 0.1, 0.6]), source.choice([0.0, 0.0, 0.0, 0.1])
                samples: list[tuple[int, float | None]] = []
                level = 0.0
                for i in range(POINTS):
                    level = max(0.0, level + source.choice((0, 1, 1, 2, 5, -99)))
                    value: float | None = level if name == "c_total" else source.choice(VALUES)
                    value = source.choice(ODD) if source.random() < odd else value
                    value = None if source.random() < gaps / 5 else value
                    if source.random() >= gaps:
                        samples.append((i * STEP + jitter, value))
                if samples:
                    made.append(Line({"__name__": name, "x": x, "y": y}, samples))
    return made


def stored(found: list[Line]) -> Memory:
    store = Memory()
    for line in found:
        times = np.array([t for t, _ in line.samples], dtype=np.int64)
        values = np.array([STALE if v is None else v for _, v in line.samples])
        store.series.append(Series(Labels(line.labels), times, values))
    return store


def near(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)


def difference(text: str, found: list[Line], start: int, end: int, step: int) -> str:
    """In what the two differ, or ''."""
    node = parse(text)
    reference = Reference(found, start, end)
    wanted: dict[int, object] = {}
    refused = ""
    for at in range(start, end + 1, step):
        try:
            wanted[at] = reference.vector(node, at)
        except Refused as error:
            refused = str(error)
            break
    try:
        got = evaluate_range(text, stored(found), start, end, step)
    except PromqlError as error:
        # over a range two series may not end up alike even when they are not there in the same step
        strict = "same labelset" in error.message and end > start
        return "" if refused or strict else f"we refuse: {error.message}"
    if refused:
        return f"it refuses: {refused}"
    return _compared(wanted, got)


def _compared(wanted: dict[int, object], got: Matrix) -> str:
    mine: dict[int, dict[frozenset[tuple[str, str]], float]] = {at: {} for at in wanted}
    for series in got.series:
        for at, value in zip(series.times.tolist(), series.values.tolist(), strict=True):
            mine[at][frozenset(series.labels.pairs)] = value
    for at, expected in wanted.items():
        assert isinstance(expected, dict)
        if set(expected) != set(mine[at]):
            return f"at {at}: {sorted(map(sorted, expected))} and {sorted(map(sorted, mine[at]))}"
        for key, value in expected.items():
            if not near(value, mine[at][key]):
                return f"at {at}, {sorted(key)}: {value} and {mine[at][key]}"
    return ""


@pytest.mark.campaign
def test_the_fast_and_the_plain_evaluator_agree(rounds: int, seed: int) -> None:
    source = random.Random(seed)
    for _ in range(rounds * 40):
        found = lines(source)
        text = Writer(source).vector(3)
        start = source.randrange(0, 700_000)
        steps, step = source.choice([(0, 60_000), (6, 20_000), (4, 61_000)])
        why = difference(text, found, start, start + steps * step, step)
        assert not why, f"{text} from {start}, {steps} steps of {step}\n{why}\n{found}"


def buckets(source: random.Random) -> list[Line]:
    """Classic histograms: some do not rise, some lack their last bucket, some have one that cannot be read."""
    made = []
    for x in ("1", "2", "3"):
        bounds = source.choice(
            [["0.1", "1", "5", "+Inf"], ["-1", "0", "2", "+Inf"], ["1", "2"], ["+Inf"], ["1", "x", "+Inf"]]
        )
        level = [0.0] * len(bounds)
        samples: list[list[tuple[int, float | None]]] = [[] for _ in bounds]
        for i in range(POINTS):
            for place in range(len(bounds)):
                level[place] += source.choice((0, 0, 1, 4)) + (place if source.random() < 0.9 else 0)
                samples[place].append((i * STEP, level[place]))
        made += [
            Line({"__name__": "h_bucket", "x": x, "le": le}, rows) for le, rows in zip(bounds, samples, strict=True)
        ]
    return made


@pytest.mark.campaign
def test_classic_histograms_agree(rounds: int, seed: int) -> None:
    source = random.Random(seed)
    pick = source.choice
    for _ in range(rounds * 20):
        found = buckets(source)
        inside = pick(["h_bucket", "sum by (le) (h_bucket)", "h_bucket - h_bucket offset 1m", 'h_bucket{x="1"}'])
        q = pick(["0.5", "0.9", "0", "1", "-1", "2", "NaN", "0.25"])
        borders = f"{pick(['-Inf', '0', '-3', '0.05', '1.5', 'NaN'])}, {pick(['Inf', '0.1', '0.07', '3', '1', '7'])}"
        text = pick([f"histogram_quantile({q}, {inside})", f"histogram_fraction({borders}, {inside})"])
        start = source.randrange(60_000, 700_000)
        why = difference(text, found, start, start + 60_000, 20_000)
        assert not why, f"{text} from {start}\n{why}\n{found}"


@pytest.mark.campaign
def test_topk_takes_the_same_values(rounds: int, seed: int) -> None:
    """Of equal values any may be taken: the values are compared, not whose they are."""
    source = random.Random(seed)
    for _ in range(rounds * 10):
        found, inside = lines(source), Writer(source).selector()
        text = f"{source.choice(['topk', 'bottomk'])}{source.choice(['', ' by (x)'])} ({source.randrange(5)}, {inside})"
        at = source.randrange(0, 700_000)
        wanted = Reference(found, at, at).vector(parse(text), at)
        got = evaluate_instant(text, stored(found), at)
        assert isinstance(got, Vector)
        assert sorted(map(repr, wanted.values())) == sorted(map(repr, got.values.tolist())), text
