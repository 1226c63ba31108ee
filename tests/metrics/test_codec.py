"""codec: every bit comes back, and realistic rows get small."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from opsctl.metrics.codec import decode_times, decode_values, encode_times, encode_values
from opsctl.metrics.section import absent
from opsctl.model.series import STALE

_ANY_DOUBLE = arrays(np.uint64, st.tuples(st.integers(0, 6), st.integers(1, 40)))


@given(_ANY_DOUBLE)
@settings(max_examples=60, deadline=None)
def test_any_bits_come_back(bits: np.ndarray) -> None:
    values = bits.view(np.float64)
    assert np.array_equal(decode_values(encode_values(values)).view(np.uint64), bits)


def test_each_kind_of_row_comes_back() -> None:
    rows = np.array([[1, 2, 3], [0.25, 0.5, 12.75], [1.001, 2.002, -3.5], [np.nan, STALE, np.inf], [-0.0, 0.0, 1e300]])
    rows = np.concatenate([rows, absent((1, 3))])
    assert np.array_equal(decode_values(encode_values(rows)).view(np.uint64), rows.view(np.uint64))


@given(st.lists(st.integers(0, 2**42), min_size=1, max_size=60, unique=True))
@settings(max_examples=60, deadline=None)
def test_times_come_back(times: list[int]) -> None:
    rising = np.array(sorted(times), dtype=np.int64)
    assert np.array_equal(decode_times(encode_times(rising)), rising)


def test_realistic_rows_take_less_than_a_byte_a_sample() -> None:
    rng = np.random.default_rng(1)
    counters = np.cumsum(rng.poisson(3, (40, 1440)), axis=1).astype(float)
    gauges = np.repeat(np.round(rng.normal(50, 2, (10, 144)), 2), 10, axis=1)
    constant = np.full((50, 1440), 17.0)
    rows = np.concatenate([counters, gauges, constant])
    assert len(encode_values(rows)) / rows.size < 1.0
