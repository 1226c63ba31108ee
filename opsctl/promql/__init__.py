"""PromQL, pure: an expression and series in, vectors out. Prometheus 3's semantics; one array per node, no step loop."""

from opsctl.promql.errors import PromqlError, PromqlLimitError, PromqlParseError, PromqlTimeoutError
from opsctl.promql.parse import parse
from opsctl.promql.query import LOOKBACK_MS, evaluate_instant, evaluate_range
from opsctl.promql.scope import Limits
from opsctl.promql.values import Matrix, Scalar, String, Value, Vector

__all__ = [
    "LOOKBACK_MS", "Limits", "Matrix", "PromqlError", "PromqlLimitError", "PromqlParseError",
    "PromqlTimeoutError", "Scalar", "String", "Value", "Vector", "evaluate_instant", "evaluate_range", "parse",
]  # fmt: skip
