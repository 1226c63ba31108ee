"""What a function knows besides its arguments: the steps it is evaluated at, and where it may leave a note."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsctl.promql.errors import PromqlTimeoutError, line_and_column, too_many_samples
from opsctl.promql.number import go_float
from opsctl.promql.syntax import Node, Subquery, inner
from opsctl.promql.values import I

MAX_SAMPLES = 20_000_000
MAX_LOOKS = 2_000_000_000
DEFAULT_STEP_MS = 60_000


@dataclass(frozen=True)
class Limits:
    """How much one query may hold at once (samples of one array: series × steps), look at in all its windows, and take.

    `deadline`: when it must stop, in the seconds of `clock`; looked at between nodes and within their large loops.
    """

    max_samples: int = MAX_SAMPLES
    max_looks: int = MAX_LOOKS
    deadline: float = math.inf
    clock: Callable[[], float] = time.monotonic

    def check_time(self) -> None:
        """Raises PromqlTimeoutError past the deadline."""
        if self.deadline != math.inf and self.clock() >= self.deadline:
            raise PromqlTimeoutError("query timed out in expression evaluation")

    def check(self, samples: int) -> None:
        """Raises PromqlLimitError when an array would be larger."""
        if samples > self.max_samples:
            raise too_many_samples()

    def check_looks(self, samples: int) -> None:
        """Raises PromqlLimitError when windows, which overlap, hold more samples together."""
        if samples > self.max_looks:
            raise too_many_samples()


@dataclass(frozen=True)
class Repair:
    """How far histograms had to be changed: between which buckets, by how much, how many, when (ms)."""

    lowest: float
    highest: float
    most: float
    count: int
    first_ms: int
    last_ms: int

    def and_also(self, other: Repair) -> Repair:
        """Both together."""
        return Repair(
            min(self.lowest, other.lowest), max(self.highest, other.highest), max(self.most, other.most),
            self.count + other.count, min(self.first_ms, other.first_ms), max(self.last_ms, other.last_ms),
        )  # fmt: skip

    def __str__(self) -> str:
        return (
            f", from buckets {go_float(self.lowest)} to {go_float(self.highest)}, with a max diff of {self.most:.2g}, "
            f"over {self.count} samples from {_moment(self.first_ms)} to {_moment(self.last_ms)}"
        )


def _moment(at_ms: int) -> str:
    """RFC 3339 in whole seconds; what a calendar does not hold as a number."""
    try:
        return datetime.fromtimestamp(math.trunc(at_ms / 1000), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return str(math.trunc(at_ms / 1000))


@dataclass
class Notes:
    """Warnings and infos of one evaluation in order; the same text once, for the last place it was said of."""

    _warnings: dict[str, str] = field(default_factory=dict)
    _infos: dict[str, str] = field(default_factory=dict)
    _repairs: dict[str, Repair] = field(default_factory=dict)

    def warn(self, text: str, place: str = "") -> None:
        """`place`: where in the expression, as `line:column`."""
        self._warnings[f"PromQL warning: {text}"] = place

    def info(self, text: str, place: str = "") -> None:
        self._infos[f"PromQL info: {text}"] = place

    def repaired(self, text: str, repair: Repair, place: str) -> None:
        """An info about repaired histograms; what is said of the same text is added up."""
        self.info(text, place)
        before = self._repairs.get(text)
        self._repairs[text] = repair if before is None else before.and_also(repair)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(map(_placed, self._warnings.items()))

    @property
    def infos(self) -> tuple[str, ...]:
        detailed = {f"PromQL info: {text}": f"PromQL info: {text}{repair}" for text, repair in self._repairs.items()}
        return tuple(_placed((detailed.get(text, text), place)) for text, place in self._infos.items())


def _placed(note: tuple[str, str]) -> str:
    return f"{note[0]} ({note[1]})" if note[1] else note[0]


@dataclass(frozen=True, eq=False)
class Scope:
    """`steps`: where to evaluate (ms); `start_ms`, `end_ms`: the whole query's, for `@ start()` and `@ end()`."""

    steps: I
    start_ms: int
    end_ms: int
    lookback_ms: int
    default_step_ms: int
    limits: Limits
    notes: Notes
    text: str

    def place(self, node: Node) -> str:
        """Where a node begins, as `line:column`; parentheses around it do not count, and a subquery's place is lost."""
        node = inner(node)
        position = 0 if isinstance(node, Subquery) else node.position
        return "{}:{}".format(*line_and_column(self.text, position))
