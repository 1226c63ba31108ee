"""Functions of one vector, value by value: abs, ceil, ln, sin … clamp, round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opsctl.promql.frame import Frame
from opsctl.promql.values import F

VALUE_BY_VALUE: dict[str, Callable[[F], F]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": np.rad2deg,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": np.deg2rad,
    "sgn": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}


def clamp(frame: Frame, lowest: F, highest: F) -> Frame:
    """Values kept within [lowest, highest] (per step); nothing where the bounds are the wrong way round."""
    low, high = np.broadcast_to(lowest, frame.values.shape), np.broadcast_to(highest, frame.values.shape)
    values = _greater(low, _less(high, frame.values))
    return frame.with_values(values, frame.present & ~(low > high)).compact().without_name()


def _less(left: F, right: F) -> F:
    """Go's math.Min: NaN where one is NaN, but not beside −Inf."""
    return np.where(np.isneginf(left) | np.isneginf(right), -np.inf, np.minimum(left, right))


def _greater(left: F, right: F) -> F:
    """Go's math.Max: NaN where one is NaN, but not beside +Inf."""
    return np.where(np.isposinf(left) | np.isposinf(right), np.inf, np.maximum(left, right))


def rounded(frame: Frame, nearest: F) -> Frame:
    """Rounded to a multiple of `nearest`, halves up. Source: promql/functions.go funcRound."""
    inverse = 1.0 / nearest
    return frame.with_values(np.floor(frame.values * inverse + 0.5) / inverse).without_name()
