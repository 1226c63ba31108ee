"""Span by span: nothing lost or twice at the borders, no more held than asked for, and the same export in the end."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from opsctl.flows.metrics_export import Wanted, export
from opsctl.metrics.fill import fill
from opsctl.metrics.openmetrics_families import Known
from opsctl.metrics.span_reading import oldest_ms, spans
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.series import Series
from tests.metrics.support import HOUR, match, put, series

START = 400 * 24 * HOUR


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    """A week at 15 s, a week of nothing, an hour at 1 s; then one sample in memory."""
    slow = np.arange(START, START + 7 * 24 * HOUR, 15_000, dtype=np.int64)
    fast = np.arange(START + 14 * 24 * HOUR, START + 14 * 24 * HOUR + HOUR, 1000, dtype=np.int64)
    made = EmbeddedStore(tmp_path)
    for times in (slow, fast):
        fill(made, [Series(series("a_bucket", le=le), times, times / 7) for le in ("1", "2", "+Inf")])
        fill(made, [Series(series("b", i=str(i)), times + i, times / 3) for i in range(2)])
    put(made, START + 15 * 24 * HOUR, {series("b", i="0"): 1.0})
    return made


@pytest.mark.parametrize("most", [1, 1000, 20_000, 10**9])
def test_spans_join_to_the_whole(store: EmbeddedStore, most: int) -> None:
    sets, end = [match("__name__", "=", "b"), match("i", "=", "1")], START + 20 * 24 * HOUR
    begin = START if most > 1 else START + 14 * 24 * HOUR + HOUR - 60_000
    parts: dict[str, list[int]] = {}
    largest = 0
    for last, found in spans(store, sets, begin, end if most > 1 else begin + 60_000, most):
        assert all(s.times[-1] <= last for s in found)
        largest = max(largest, sum(len(s.times) for s in found))
        for one in found:
            parts.setdefault(str(one.labels), []).extend(one.times.tolist())
    whole = store.select(sets[0], begin, end if most > 1 else begin + 60_000)
    assert parts == {str(s.labels): s.times.tolist() for s in whole}
    assert largest <= max(most, 2) * 5


def test_the_oldest_is_found_within_an_hour(store: EmbeddedStore) -> None:
    end = START + 30 * 24 * HOUR
    assert START - HOUR <= oldest_ms(store, [()], end) <= START
    assert oldest_ms(store, [match("__name__", "=", "nobody")], end) == end


def test_an_export_is_the_same_however_little_is_held(store: EmbeddedStore) -> None:
    wanted = Wanted([], None, START + 20 * 24 * HOUR)
    texts: list[bytes] = []
    for most in (50_000, 10**9):
        out, shares = io.BytesIO(), list[float]()
        done = export(store, wanted, {"a": Known("histogram")}, out, lambda at, _, to=shares: to.append(at), most)
        texts.append(out.getvalue())
        assert (shares, shares[-1]) == (sorted(shares), 1.0)
    assert texts[0] == texts[1]
    assert done.samples == texts[0].count(b"\n") - 2
    assert (done.families, done.series) == (2, 5)
