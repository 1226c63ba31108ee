"""PromQL once more, slow and plain: one step, one series, one sample at a time. It shares the syntax tree alone."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsctl.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Node,
    Number,
    Paren,
    Range,
    Selector,
    Signed,
    Subquery,
    Text,
    value_type,
)  # fmt: skip

LOOKBACK = 300_000
Key = frozenset[tuple[str, str]]
Sample = tuple[int, float]
Vector = dict[Key, float]


class Refused(Exception):
    """What Prometheus refuses to evaluate."""


@dataclass(frozen=True)
class Line:
    """One series: labels, and its samples, staleness markers as None."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[int, float | None]]


def _only(key: Key, names: Iterable[str]) -> Key:
    return frozenset(p for p in key if p[0] in set(names))


def _without(key: Key, names: Iterable[str]) -> Key:
    return frozenset(p for p in key if p[0] not in set(names))


def _nameless(key: Key) -> Key:
    return _without(key, ("__name__", "__type__", "__unit__"))


def _collected(pairs: Iterable[tuple[Key, float]]) -> Vector:
    made: Vector = {}
    for key, value in pairs:
        if key in made:
            raise Refused("same labelset")
        made[key] = value
    return made


class Reference:
    """Evaluates a tree at one time (ms); `start` and `end` are those of the whole query."""

    def __init__(self, lines: Sequence[Line], start: int, end: int, default_step: int = 60_000) -> None:
        self.lines, self.start, self.end, self.default_step = lines, start, end, default_step

    def value(self, node: Node, at: int) -> float | Vector:
        """A float of a scalar, a dictionary of a vector. Raises Refused."""
        if isinstance(node, Paren):
            return self.value(node.expr, at)
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Signed):
            inside = self.value(node.expr, at)
            if node.op == "+":
                return inside
            if isinstance(inside, float):
                return -inside
            return _collected((_nameless(k), -v) for k, v in inside.items())
        if isinstance(node, Selector):
            return {k: v for k, (_, v) in self._latest(node, at).items()}
        if isinstance(node, Binary):
            return self._binary(node, at)
        if isinstance(node, Aggregate):
            return self._aggregate(node, at)
        assert isinstance(node, Call)
        return self._call(node, at)

    def vector(self, node: Node, at: int) -> Vector:
        found = self.value(node, at)
        return found if isinstance(found, dict) else {frozenset(): found}

    def scalar(self, node: Node, at: int) -> float:
        found = self.value(node, at)
        assert isinstance(found, float)
        return found

    def _moment(self, node: Selector | Subquery, at: int) -> int:
        fixed = {"start": self.start, "end": self.end, None: at}.get(node.at, node.at)  # type: ignore[arg-type]
        assert isinstance(fixed, int)
        return fixed - node.offset_ms

    def _selected(self, node: Selector) -> list[Line]:
        return [x for x in self.lines if all(m.matches(x.labels.get(m.name, "")) for m in node.matchers)]

    def _latest(self, node: Selector, at: int) -> dict[Key, tuple[int, float]]:
        moment = self._moment(node, at)
        made: dict[Key, tuple[int, float]] = {}
        for line in self._selected(node):
            before = [s for s in line.samples if moment - LOOKBACK < s[0] <= moment]
            if before and before[-1][1] is not None:
                made[frozenset(line.labels.items())] = (before[-1][0], before[-1][1])
        return made

    def windows(self, node: Node, at: int) -> tuple[dict[Key, list[Sample]], int, int]:
        """The samples of each series in (begin, end], and these borders."""
        if isinstance(node, Paren):
            return self.windows(node.expr, at)
        if isinstance(node, Range):
            end = self._moment(node.selector, at)
            begin = end - node.range_ms
            made = {}
            for line in self._selected(node.selector):
                inside = [(t, v) for t, v in line.samples if begin < t <= end and v is not None]
                if inside:
                    made[frozenset(line.labels.items())] = inside
            return made, begin, end
        assert isinstance(node, Subquery)
        end = self._moment(node, at)
        begin, step = end - node.range_ms, node.step_ms or self.default_step
        gathered: dict[Key, list[Sample]] = {}
        for moment in range((begin // step + 1) * step, end + 1, step):
            for key, value in self.vector(node.expr, moment).items():
                gathered.setdefault(key, []).append((moment, value))
        return gathered, begin, end

    def _binary(self, node: Binary, at: int) -> float | Vector:
        left, right = self.value(node.lhs, at), self.value(node.rhs, at)
        if isinstance(left, float) and isinstance(right, float):
            return _operate(node.op, left, right)
        if isinstance(left, dict) and isinstance(right, dict):
            return self._set(node, left, right) if node.op in ("and", "or", "unless") else self._join(node, left, right)
        many = left if isinstance(left, dict) else right
        assert isinstance(many, dict)
        made = []
        for key, value in many.items():
            a, b = (value, right) if isinstance(left, dict) else (left, value)
            assert isinstance(a, float)
            assert isinstance(b, float)
            found = _operate(node.op, a, b)
            if node.op not in COMPARE or node.return_bool:
                made.append((_nameless(key), found))
            elif found:
                made.append((key, value))
        return _collected(made)

    def _key(self, node: Binary) -> Callable[[Key], Key]:
        names = node.matching.labels
        if node.matching.on:
            return lambda key: _only(key, names)
        return lambda key: _without(key, (*names, "__name__"))

    def _set(self, node: Binary, left: Vector, right: Vector) -> Vector:
        key = self._key(node)
        mine, theirs = {key(k) for k in left}, {key(k) for k in right}
        if node.op == "and":
            return {k: v for k, v in left.items() if key(k) in theirs}
        if node.op == "unless":
            return {k: v for k, v in left.items() if key(k) not in theirs}
        return _collected([*left.items(), *((k, v) for k, v in right.items() if key(k) not in mine)])

    def _join(self, node: Binary, left: Vector, right: Vector) -> Vector:
        if not left or not right:
            return {}
        key, swapped = self._key(node), node.matching.card == "one-to-many"
        many, one = (right, left) if swapped else (left, right)
        mates: dict[Key, Key] = {}
        for each in one:
            if key(each) in mates:
                raise Refused("duplicate series")
            mates[key(each)] = each
        met: set[object] = set()
        made = []
        for each, value in many.items():
            if key(each) not in mates:
                continue
            mate = mates[key(each)]
            a, b = (one[mate], value) if swapped else (value, one[mate])
            found = _operate(node.op, a, b)
            labels = self._result(node, each, mate)
            place = key(each) if node.matching.card == "one-to-one" else (key(each), labels)
            if place in met:
                raise Refused("multiple matches")
            met.add(place)
            if node.op not in COMPARE or node.return_bool:
                made.append((labels, found))
            elif found:
                made.append((labels, a))
        return _collected(made)

    def _result(self, node: Binary, many: Key, one: Key) -> Key:
        matching = node.matching
        labels = _nameless(many) if node.op not in COMPARE or node.return_bool else many
        if matching.card == "one-to-one":
            return _only(labels, matching.labels) if matching.on else _without(labels, matching.labels)
        return _without(labels, matching.include) | _only(one, matching.include)

    def _aggregate(self, node: Aggregate, at: int) -> Vector:
        found = self.vector(node.expr, at)
        if node.op == "count_values":
            assert isinstance(node.param, Text)
            label = node.param.value
            found = {
                _without(k, (label,)) | {(label, _text(v))} | {("", str(i))}: v
                for i, (k, v) in enumerate(found.items())
            }
            names = node.labels if node.without else (*node.labels, label)
            groups = _grouped(dict(found.items()), (*names, "") if node.without else names, node.without)
            return {k: float(len(v)) for k, v in groups.items()}
        groups = _grouped(found, node.labels, node.without)
        if node.param is None:
            return {k: AGGREGATE[node.op]([v for _, v in rows]) for k, rows in groups.items()}
        param = self.scalar(node.param, at)
        if node.op == "quantile":
            return {k: _quantile(param, [v for _, v in rows]) for k, rows in groups.items()}
        made: Vector = {}
        for rows in groups.values():
            sign = -1 if node.op == "topk" else 1
            ranked = sorted(rows, key=lambda r: (math.isnan(r[1]), 0.0 if math.isnan(r[1]) else sign * r[1]))
            made.update(ranked[: max(0, int(param))])
        return made

    def _call(self, node: Call, at: int) -> float | Vector:
        if node.name == "time":
            return at / 1000
        if node.name == "scalar":
            values = list(self.vector(node.args[0], at).values())
            return values[0] if len(values) == 1 else math.nan
        if node.name == "vector":
            return {frozenset(): self.scalar(node.args[0], at)}
        matrix = [i for i, a in enumerate(node.args) if value_type(a) == "matrix"]
        if matrix:
            others = [self.scalar(a, at) for i, a in enumerate(node.args) if i not in matrix]
            return self._over(node, node.args[matrix[0]], others, at)
        if node.name in ("absent", "timestamp"):
            return self._special(node, at)
        if node.name.startswith("histogram_"):
            params = [self.scalar(a, at) for a in node.args[:-1]]
            return _of_histograms(node.name, self.vector(node.args[-1], at), params)
        rows = self.vector(node.args[0], at)
        if node.name == "sort":
            return rows
        if node.name == "label_replace":
            return _replaced(rows, [a.value for a in node.args[1:] if isinstance(a, Text)])
        bounds = [self.scalar(a, at) for a in node.args[1:]]
        if node.name == "clamp" and bounds[1] < bounds[0]:
            return {}
        return _collected((_nameless(k), VALUE[node.name](v, *bounds)) for k, v in rows.items())

    def _special(self, node: Call, at: int) -> Vector:
        inside = node.args[0]
        while isinstance(inside, Paren):
            inside = inside.expr
        if node.name == "absent":
            return {} if self.vector(inside, at) else {frozenset(): 1.0}
        if isinstance(inside, Selector):
            return _collected((_nameless(k), t / 1000) for k, (t, _) in self._latest(inside, at).items())
        return _collected((_nameless(k), at / 1000) for k in self.vector(inside, at))

    def _over(self, node: Call, argument: Node, others: list[float], at: int) -> Vector:
        found, begin, end = self.windows(argument, at)
        if node.name == "absent_over_time":
            return {} if found else {frozenset(): 1.0}
        made = []
        for key, samples in found.items():
            value = _of_window(node.name, samples, begin, end, at, others)
            if value is not None:
                made.append((key if node.name == "last_over_time" else _nameless(key), value))
        return _collected(made)


def _of_histograms(name: str, rows: Vector, params: list[float]) -> Vector:
    gathered: dict[Key, dict[float, float]] = {}
    for key, count in rows.items():
        try:
            bound = float(dict(key).get("le", "none"))
        except ValueError:
            continue
        buckets = gathered.setdefault(_without(key, ("le",)), {})
        buckets[bound] = buckets.get(bound, 0.0) + count
    of = _bucket_quantile if name == "histogram_quantile" else _bucket_fraction
    return _collected((_nameless(key), of(*params, sorted(buckets.items()))) for key, buckets in gathered.items())


def _bucket_quantile(q: float, buckets: list[tuple[float, float]]) -> float:
    if math.isnan(q) or not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    if buckets[-1][0] != math.inf or len(buckets) < 2:
        return math.nan
    most, counts = buckets[0][1], []
    for _, count in buckets:
        most = most if math.isclose(most, count, rel_tol=1e-12) else max(most, count)
        counts.append(most)
    if counts[-1] == 0:
        return math.nan
    rank = q * counts[-1]
    place = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if place == len(counts) - 1:
        return buckets[-2][0]
    if place == 0 and buckets[0][0] <= 0:
        return buckets[0][0]
    begin, below = (buckets[place - 1][0], counts[place - 1]) if place else (0.0, 0.0)
    inside = counts[place] - below
    return begin + (buckets[place][0] - begin) * ((rank - below) / inside if inside else math.nan)


def _bucket_fraction(lower: float, upper: float, buckets: list[tuple[float, float]]) -> float:
    total = buckets[-1][1]
    if buckets[-1][0] != math.inf or total == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    begin, below, ranks = 0.0 if buckets[0][0] > 0 else -math.inf, 0.0, {}
    for bound, count in buckets:
        for value in (lower, upper):
            if value in ranks:
                continue
            if begin >= value:
                ranks[value] = below
            elif begin < value < bound:
                ranks[value] = (
                    count if begin == -math.inf else below + (count - below) * (value - begin) / (bound - begin)
                )
        begin, below = bound, count
    low, high = (min(ranks.get(value, total), total) for value in (lower, upper))
    return (high - low) / total


def _grouped(found: Vector, names: Sequence[str], without: bool) -> dict[Key, list[tuple[Key, float]]]:
    groups: dict[Key, list[tuple[Key, float]]] = {}
    for key, value in found.items():
        group = _without(key, (*names, "__name__")) if without else _only(key, names)
        groups.setdefault(group, []).append((key, value))
    return groups


def _replaced(rows: Vector, texts: Sequence[str]) -> Vector:
    target, replacement, source, pattern = texts
    made = []
    for key, value in rows.items():
        match = re.fullmatch(pattern, dict(key).get(source, ""))
        if match is not None:
            new = match.expand(replacement.replace("$1", r"\1"))
            key = _without(key, (target,)) | ({(target, new)} if new else set())
        made.append((key, value))
    return _collected(made)


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _operate(op: str, a: float, b: float) -> float:
    if op in COMPARE:
        return float(COMPARE[op](a, b))
    try:
        return {
            "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b, "%": lambda: math.fmod(a, b),
            "^": lambda: math.pow(a, b), "atan2": lambda: math.atan2(a, b),
        }[op]()  # fmt: skip
    except ZeroDivisionError:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
    except OverflowError:
        return math.inf if a > 0 or b % 2 == 0 else -math.inf
    except ValueError:
        if op == "^" and a == 0:
            return math.copysign(math.inf, a if b % 2 == 1 else 1)
        return math.nan


def _sum(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) if all(math.isfinite(v) for v in values) else sum(values)
    except OverflowError:
        return sum(values)


def _mean(values: Sequence[float]) -> float:
    return _sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    if not all(math.isfinite(v) for v in values):
        return math.nan
    mean = _mean(values)
    return _sum([(v - mean) * (v - mean) for v in values]) / len(values)


def _extreme(pick: Callable[[list[float]], float]) -> Callable[[Sequence[float]], float]:
    def of(values: Sequence[float]) -> float:
        numbers = [v for v in values if not math.isnan(v)]
        return pick(numbers) if numbers else math.nan

    return of


def _quantile(q: float, values: Sequence[float]) -> float:
    if math.isnan(q):
        return math.nan
    if not 0 <= q <= 1:
        return math.inf if q > 1 else -math.inf
    ordered = sorted(values, key=lambda v: (not math.isnan(v), 0.0 if math.isnan(v) else v))
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


def _text(value: float) -> str:
    if not math.isfinite(value):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")
    return f"{value:.0f}" if value == int(value) else repr(value)


AGGREGATE: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": _sum, "avg": _mean, "min": _extreme(min), "max": _extreme(max), "count": lambda v: float(len(v)),
    "group": lambda _: 1.0, "stdvar": _variance, "stddev": lambda v: math.sqrt(_variance(v)),
}  # fmt: skip


def _guarded(function: Callable[[float], float]) -> Callable[[float], float]:
    def of(value: float) -> float:
        if not math.isfinite(value):
            return {"floor": value, "ceil": value}.get(function.__name__, math.nan)
        return float(function(value))

    return of


VALUE: dict[str, Callable[..., float]] = {
    "abs": abs, "floor": _guarded(math.floor), "ceil": _guarded(math.ceil),
    "sgn": lambda v: v if v == 0 or math.isnan(v) else math.copysign(1, v),
    "clamp": lambda v, low, high: v if math.isnan(v) else max(low, min(high, v)),
    "clamp_min": lambda v, low: v if math.isnan(v) else max(low, v),
    "clamp_max": lambda v, high: v if math.isnan(v) else min(high, v),
    "round": lambda v, to=1.0: v if not math.isfinite(v) else math.floor(v * (1 / to) + 0.5) / (1 / to),
}  # fmt: skip


def _of_window(name: str, samples: list[Sample], begin: int, end: int, at: int, others: list[float]) -> float | None:
    values = [v for _, v in samples]
    if name.removesuffix("_over_time") in AGGREGATE and name != "group_over_time":
        return AGGREGATE[name.removesuffix("_over_time")](values)
    if name == "quantile_over_time":
        return _quantile(others[0], values)
    pairs = list(itertools.pairwise(values))
    simple: dict[str, Callable[[], float]] = {
        "last_over_time": lambda: values[-1], "present_over_time": lambda: 1.0,
        "changes": lambda: float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairs)),
        "resets": lambda: float(sum(b < a for a, b in pairs)),
    }  # fmt: skip
    if name in simple:
        return simple[name]()
    if len(samples) < 2:
        return None
    if name in ("irate", "idelta"):
        (t0, a), (t1, b) = samples[-2:]
        change = b if name == "irate" and b < a else b - a
        return change / ((t1 - t0) / 1000) if name == "irate" else change
    if name in ("deriv", "predict_linear"):
        return _line(name, samples, at, others)
    return _extrapolated(name, samples, begin, end)


def _line(name: str, samples: list[Sample], at: int, others: list[float]) -> float:
    first = samples[0][1]
    if all(v == first for _, v in samples):
        flat = math.nan if math.isinf(first) else first
        return (flat * 0) if name == "deriv" else flat
    if not all(math.isfinite(v) for _, v in samples):
        return _endless_line(name, samples, at, others)
    n, origin = len(samples), samples[0][0]
    xs, ys = [(t - origin) / 1000 for t, _ in samples], [v for _, v in samples]
    mean_x, mean_y = math.fsum(xs) / n, math.fsum(ys) / n
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / math.fsum(
        (x - mean_x) ** 2 for x in xs
    )
    return slope if name == "deriv" else mean_y + slope * ((at - origin) / 1000 - mean_x + others[0])


def _endless_line(name: str, samples: list[Sample], at: int, others: list[float]) -> float:
    """With infinities among the samples it matters from where x is measured."""
    n, origin = len(samples), samples[0][0] if name == "deriv" else at
    xs, ys = [(t - origin) / 1000 for t, _ in samples], [v for _, v in samples]
    covariance = sum(x * y for x, y in zip(xs, ys, strict=True)) - sum(xs) * sum(ys) / n
    slope = covariance / (sum(x * x for x in xs) - sum(xs) * sum(xs) / n)
    return slope if name == "deriv" else slope * others[0] + sum(ys) / n - slope * sum(xs) / n


def _extrapolated(name: str, samples: list[Sample], begin: int, end: int) -> float:
    counter = name != "delta"
    change = samples[-1][1] - samples[0][1]
    if counter:
        change += sum(a for (_, a), (_, b) in itertools.pairwise(samples) if b < a)
    sampled = (samples[-1][0] - samples[0][0]) / 1000
    between = sampled / (len(samples) - 1)
    to_start, to_end = (samples[0][0] - begin) / 1000, (end - samples[-1][0]) / 1000
    to_start = between / 2 if to_start >= between * 1.1 else to_start
    to_end = between / 2 if to_end >= between * 1.1 else to_end
    if counter and change > 0 and samples[0][1] >= 0:
        to_start = min(to_start, sampled * (samples[0][1] / change))
    made = change * ((sampled + to_start + to_end) / sampled)
    return made / ((end - begin) / 1000) if name == "rate" else made
