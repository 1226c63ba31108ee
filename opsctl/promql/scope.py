"""What a function knows besides its arguments: the steps it is evaluated at, and where it may leave a note."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from opsctl.promql.errors import PromqlTimeoutError, too_many_samples
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


@dataclass
class Notes:
    """Warnings and infos of one evaluation, each once, in order."""

    warnings: dict[str, None] = field(default_factory=dict)
    infos: dict[str, None] = field(default_factory=dict)

    def warn(self, text: str, place: str = "") -> None:
        """`place`: where in the expression, as `line:column`."""
        self.warnings[f"PromQL warning: {text}{f' ({place})' if place else ''}"] = None

    def info(self, text: str, place: str = "") -> None:
        self.infos[f"PromQL info: {text}{f' ({place})' if place else ''}"] = None


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
