"""What an evaluation gives back: Vector, Matrix, Scalar or String, with the notes made on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.model.labels import Labels
from opsctl.model.series import Series

F = NDArray[np.float64]
I = NDArray[np.int64]  # noqa: E741 - beside F and B
B = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scalar:
    at_ms: int
    value: float
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class String:
    at_ms: int
    value: str
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Vector:
    """One value a series, all at `at_ms`; in Prometheus' order (sorted only by sort, topk …)."""

    at_ms: int
    labels: tuple[Labels, ...]
    values: F
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[tuple[Labels, float]]:
        return iter(zip(self.labels, self.values.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Matrix:
    """Series over time, sorted by labels; times in ms."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)


Value = Vector | Matrix | Scalar | String
