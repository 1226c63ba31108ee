"""The functions of PromQL: what they take and give. Source: promql/parser/functions.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.promql.syntax import SCALAR_FUNCTIONS, ValueType

_KINDS: dict[str, ValueType] = {"v": "vector", "m": "matrix", "s": "scalar", "t": "string"}
_STABLE = """
v: abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count
   histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad scalar sgn sin sinh sort sort_desc sqrt tan tanh
   timestamp
v?: day_of_month day_of_week day_of_year days_in_month hour minute month year
m: absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time
   max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time
sm: quantile_over_time
ms: predict_linear
vss: clamp
vs: clamp_max clamp_min
vs?: round
sv: histogram_quantile
ssv: histogram_fraction
vtttt: label_replace
vttt*: label_join
s: vector
-: pi time
"""
_EXPERIMENTAL = """
double_exponential_smoothing end histogram_quantiles info mad_over_time max_of min_of range
sort_by_label sort_by_label_desc start start_timestamp step ts_of_first_over_time ts_of_last_over_time
ts_of_max_over_time ts_of_min_over_time
"""
EXPERIMENTAL = frozenset(_EXPERIMENTAL.split())


@dataclass(frozen=True)
class Signature:
    """`takes` the kinds of its arguments; `optional` the last may be missing (1), or come any number of times (−1)."""

    name: str
    takes: tuple[ValueType, ...]
    optional: int

    @property
    def gives(self) -> ValueType:
        return "scalar" if self.name in SCALAR_FUNCTIONS else "vector"


def _read(table: str) -> dict[str, Signature]:
    found: dict[str, Signature] = {}
    form = ""
    for word in table.split():
        if word.endswith(":"):
            form = word[:-1]
            continue
        takes = tuple(_KINDS[letter] for letter in form if letter in _KINDS)
        found[word] = Signature(word, takes, {"?": 1, "*": -1}.get(form[-1], 0))
    return found


SIGNATURES: Mapping[str, Signature] = _read(_STABLE)
