"""codec: every bit comes back, and realistic columns get small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.fleet import fleet
from opsctl.metrics.block import write_block
from opsctl.metrics.codec import decode_numbers, decode_values, encode_numbers, encode_values
from opsctl.metrics.section import Section, absent
from opsctl.model.series import STALE

_ANY_DOUBLE = arrays(np.uint64, st.integers(0, 400))


@given(_ANY_DOUBLE)
@settings(max_examples=60, deadline=None)
def test_any_bits_come_back(bits: np.ndarray) -> None:
    values = bits.view(np.float64)
    assert np.array_equal(decode_values(encode_values(values)).view(np.uint64), bits)


def test_each_kind_of_value_comes_back() -> None:
    rows = np.array([[1, 2, 3], [0.25, 0.5, 12.75], [1.001, 2.002, -3.5], [np.nan, STALE, np.inf], [-0.0, 0.0, 1e300]])
    column = np.concatenate([rows, absent((1, 3))]).ravel()
    assert np.array_equal(decode_values(encode_values(column)).view(np.uint64), column.view(np.uint64))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60))
def test_numbers_come_back(numbers: list[int]) -> None:
    column = np.array(numbers, dtype=np.int64)
    assert np.array_equal(decode_numbers(encode_numbers(column)), column)


def test_a_realistic_fleet_takes_less_than_a_byte_a_sample(tmp_path: Path) -> None:
    """The whole file counts: times, labels and index too."""
    hosts = fleet(20, 480, 1_764_000_000_000)
    labels = [each for host in hosts for each in host.labels]
    sections = [
        Section(host.source, np.arange(50, dtype=np.int64) + 50 * number, host.times, host.values)
        for number, host in enumerate(hosts)
    ]
    block = write_block(tmp_path, sections, labels.__getitem__)
    assert block.stat().st_size / (20 * 50 * 480) < 1.1
