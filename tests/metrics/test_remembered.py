"""What is remembered weighs no more than it may, and what was used last stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opsctl.metrics.remembered import Remembered


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9))), st.integers(1, 20))
def test_the_last_ones_within_the_weight(puts: list[tuple[int, int]], limit: int) -> None:
    cache: Remembered[int, list[int]] = Remembered(limit, len)
    order: dict[int, list[int]] = {}
    for key, weight in puts:
        known = cache.get(key)
        assert known == order.get(key)
        if known is None:
            cache.put(key, order.setdefault(key, [key] * weight))
        order[key] = order.pop(key)
        while sum(map(len, order.values())) > limit and len(order) > 1:
            del order[next(iter(order))]
    assert {key: cache.get(key) for key in range(7)} == {key: order.get(key) for key in range(7)}
