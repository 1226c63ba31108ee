"""The evaluator: a syntax tree and series in, vectors out; every node once for all steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from opsctl.model.labels import Labels, quote
from opsctl.model.samples import Samples
from opsctl.model.series import Querier
from opsctl.promql import aggregate, binary
from opsctl.promql.calls import CALLS, OVER_WINDOWS, warn_of_quantile
from opsctl.promql.errors import PromqlError
from opsctl.promql.frame import Frame, empty
from opsctl.promql.functions.relabelling import valid_name
from opsctl.promql.number import go_float
from opsctl.promql.scope import Scope
from opsctl.promql.syntax import (
    TRIMS,
    Aggregate,
    At,
    Binary,
    Call,
    Node,
    Number,
    Range,
    Selector,
    Signed,
    Subquery,
    Text,
    inner,
    value_type,
)  # fmt: skip
from opsctl.promql.values import F, I
from opsctl.promql.window import Windows, framed, latest, windows


class Evaluator:
    """Evaluates nodes at the steps of a scope."""

    def __init__(self, querier: Querier, scope: Scope) -> None:
        self.querier = querier
        self.scope = scope

    @property
    def steps(self) -> I:
        return self.scope.steps

    def vector(self, node: Node) -> Frame:
        """An instant vector at every step."""
        self.scope.limits.check_time()
        node = inner(node)
        if isinstance(node, Selector):
            return self.selected(node)[0].compact()
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Aggregate):
            return self._aggregate(node)
        if isinstance(node, Signed):
            frame = self.vector(node.expr)
            if node.op == "+":
                return frame
            return frame.with_values(-frame.values).without_name()
        if isinstance(node, Call):
            return self._call(node)
        raise PromqlError(f"expected an instant vector, got {value_type(node)}")

    def scalar(self, node: Node) -> F:
        """A scalar at every step."""
        self.scope.limits.check_time()
        node = inner(node)
        if isinstance(node, Number):
            return np.full(len(self.steps), node.value)
        if isinstance(node, Signed):
            value = self.scalar(node.expr)
            return -value if node.op == "-" else value
        if isinstance(node, Binary):
            made, chain = self._spine(node, self.scalar)
            for link in chain:
                if link.op in TRIMS:
                    raise PromqlError(f'operator "{link.op}" not allowed for Scalar operations')
                made = binary.scalar_scalar(link.op, made, self.scalar(link.rhs))
            return made
        if isinstance(node, Call):
            return self._scalar_call(node)
        raise PromqlError(f"expected a scalar, got {value_type(node)}")

    def text(self, node: Node) -> str:
        """The content of a string literal; bytes that are not UTF-8 are left as surrogates."""
        node = inner(node)
        if isinstance(node, Text):
            return node.value
        raise PromqlError(f"expected a string, got {value_type(node)}")

    def windows(self, node: Node) -> Windows:
        """A range vector at every step."""
        node = inner(node)
        if isinstance(node, Range):
            ends = self._ends(node.selector.at, node.selector.offset_ms)
            series = self._select(node.selector, ends, node.range_ms)
            return windows(series, ends, node.range_ms, self.scope.limits.check_time)
        if isinstance(node, Subquery):
            return self._subquery(node)
        raise PromqlError(f"expected a range vector, got {value_type(node)}")

    def selected(self, node: Selector) -> tuple[Frame, I]:
        """A selector's last samples and their times (ms)."""
        ends = self._ends(node.at, node.offset_ms)
        series = self._select(node, ends, self.scope.lookback_ms)
        return latest(series, ends, self.scope.lookback_ms)

    def _select(self, node: Selector, ends: I, reach_ms: int) -> Samples:
        """Left-open: a sample exactly `reach_ms` before a step does not count."""
        found = Samples.of(self.querier.select(node.matchers, int(ends.min()) - reach_ms + 1, int(ends.max())))
        self.scope.limits.check_time()
        self.scope.limits.check(len(found) * len(ends))
        self.scope.limits.check(len(found.values))
        return found

    def _ends(self, at: At, offset_ms: int) -> I:
        if at is None:
            return self.steps - offset_ms
        fixed = {"start": self.scope.start_ms, "end": self.scope.end_ms}.get(at) if isinstance(at, str) else at
        assert isinstance(fixed, int)
        return np.full(len(self.steps), fixed - offset_ms, dtype=np.int64)

    def _subquery(self, node: Subquery) -> Windows:
        ends = self._ends(node.at, node.offset_ms)
        step = node.step_ms or self.scope.default_step_ms
        start, end = int(ends.min()) - node.range_ms, int(ends.max())
        first = (start // step + 1) * step
        self.scope.limits.check((end - first) // step + 1)
        steps = np.arange(first, end + 1, step, dtype=np.int64)
        if not len(steps):
            return windows(Samples.of([]), ends, node.range_ms)
        frame = Evaluator(self.querier, replace(self.scope, steps=steps)).any_vector(node.expr)
        return framed(frame, steps, ends, node.range_ms, self.scope.limits.check_time)

    def any_vector(self, node: Node) -> Frame:
        """A vector, or a scalar as the one series without labels."""
        if value_type(node) == "scalar":
            values = self.scalar(node)
            return Frame([Labels()], values[None, :], np.ones((1, len(values)), dtype=bool))
        return self.vector(node)

    def _spine(self, node: Binary, leaf: Callable[[Node], F]) -> tuple[F, list[Binary]]:
        chain: list[Binary] = []
        here: Node = node
        while isinstance(here, Binary):
            chain.append(here)
            here = here.lhs
        return leaf(here), chain[::-1]

    def _binary(self, node: Binary) -> Frame:
        """A left-deep chain is taken in a loop."""
        chain: list[Binary] = []
        here: Node = node
        while isinstance(here, Binary) and value_type(here) == "vector":
            chain.append(here)
            here = here.lhs
        made: Frame | F = self.scalar(here) if value_type(here) == "scalar" else self.vector(here)
        for link in reversed(chain):
            made = self._trimmed(link, made) if link.op in TRIMS else self._join(link, made)
        assert isinstance(made, Frame)
        return made

    def _trimmed(self, node: Binary, left: Frame | F) -> Frame:
        """Nothing is left of floats that met, and a note says so."""
        if len(self._join(replace(node, op="+"), left).labels):
            self.scope.notes.info(
                f'incompatible sample types encountered for binary operator "{node.op}": float {node.op} float',
                self.scope.place(node),
            )
        return empty(len(self.steps))

    def _join(self, node: Binary, left: Frame | F) -> Frame:
        if value_type(node.rhs) == "scalar":
            assert isinstance(left, Frame)
            return binary.vector_scalar(node.op, left, self.scalar(node.rhs), False, node.return_bool)
        right = self.vector(node.rhs)
        if not isinstance(left, Frame):
            return binary.vector_scalar(node.op, right, left, True, node.return_bool)
        check = self.scope.limits.check
        check(max(left.values.size, right.values.size))
        return binary.vector_vector(node.op, left, right, node.matching, node.return_bool, check)

    def _aggregate(self, node: Aggregate) -> Frame:
        frame = self.vector(node.expr)
        if node.param is None:
            return aggregate.aggregate(node.op, frame, node.labels, node.without)
        if node.op == "count_values":
            label = self._value_label(node.param)
            return aggregate.count_values(frame, label, node.labels, node.without, self.scope.limits.check)
        param = self.scalar(node.param)
        if node.op == "quantile":
            warn_of_quantile(self, node.param, np.array([param.max(), param.min()]))
            return aggregate.quantile(frame, param, node.labels, node.without, self.scope.limits.check_time)
        if param.max(initial=-np.inf) < 1:
            return empty(len(self.steps))
        _check_count(param)
        return aggregate.choose(
            frame, param, node.labels, node.without, node.op == "topk", self.scope.limits.check_time
        )

    def _value_label(self, node: Node) -> str:
        label = self.text(node)
        if not valid_name(label):
            raise PromqlError(f"invalid label name {quote(label)}")
        return label

    def _call(self, node: Call) -> Frame:
        with np.errstate(all="ignore"):
            if node.name in OVER_WINDOWS:
                return OVER_WINDOWS[node.name](self, node)
            if node.name in CALLS:
                return CALLS[node.name](self, node)
        raise PromqlError(f"the function {node.name}() is not supported", node.position)

    def _scalar_call(self, node: Call) -> F:
        if node.name == "time":
            return self.steps / 1000
        if node.name == "pi":
            return np.full(len(self.steps), np.pi)
        frame = self.vector(node.args[0])
        once = frame.present.sum(axis=0) == 1
        values = np.where(frame.present, frame.values, 0.0).sum(axis=0) if len(frame.labels) else 0.0
        return np.where(once, values, np.nan)


def _check_count(param: F) -> None:
    """topk and bottomk want a number that fits an integer."""
    if np.isnan(param).any():
        raise PromqlError("Parameter value is NaN")
    for bad, word in ((param[param <= -(2.0**63)], "underflows"), (param[param >= 2.0**63], "overflows")):
        if len(bad):
            raise PromqlError(f"Scalar value {go_float(float(bad[0]))} {word} int64")
