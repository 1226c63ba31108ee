"""Requests in parts: nothing lost, every series in one part and in order, no part too large."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.metrics.remote_metadata import encoded_metadata
from opsctl.metrics.remote_protocol import Decoder, encoded, encoded_instant, packed
from opsctl.metrics.remote_wire import fields
from opsctl.metrics.sharding import shards_wanted, split
from opsctl.model.labels import Labels
from opsctl.model.metadata import Metadata
from opsctl.model.series import Series

Sample = tuple[str, int, float]


def samples(request: bytes) -> list[Sample]:
    got = Decoder().decode(packed(request))
    return [(str(got.labels[r]), int(t), float(v)) for r, t, v in zip(got.rows, got.times, got.values, strict=True)]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**50), st.floats(-9, 9)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 20),
)
@settings(max_examples=150, deadline=None)
def test_parts_hold_all_samples_and_keep_the_order(rows: list[tuple[int, int, float]], shards: int, most: int) -> None:
    one = [Labels({"__name__": f"m{i}", "x": "y" * i}) for i in range(10)]
    request = b"".join(encoded_instant([one[i]], at, np.array([value])) for i, at, value in rows)
    lanes = split(request, len(rows), shards, most)
    assert len(lanes) <= shards
    assert all(0 < piece.samples <= most for lane in lanes for piece in lane)
    found = [[sample for piece in lane for sample in samples(piece.request)] for lane in lanes]
    names = [{name for name, *_ in lane} for lane in found]
    assert sum(map(len, names)) == len(set().union(*names)), "a series is in one part only"
    everything = samples(request)
    for lane in found:
        inside = {name for name, *_ in lane}
        assert lane == [sample for sample in everything if sample[0] in inside]


def test_an_entry_with_many_samples_stays_whole() -> None:
    request = encoded([Series(Labels({"__name__": "a"}), np.arange(1, 9), np.arange(8.0))])
    ((piece,),) = split(request, 8, 3, 5)
    assert (piece.samples, len(samples(piece.request))) == (8, 8)


def test_as_many_shards_as_there_are_full_requests() -> None:
    assert [shards_wanted(waiting, 10, 1, 4) for waiting in (0, 1, 10, 11, 35, 1000)] == [1, 1, 1, 2, 4, 4]
    assert shards_wanted(1, 10, 3, 2) == 3


def test_metadata_is_sent_once_each_in_bounded_requests() -> None:
    known = [("a", Metadata("counter", "h", "s")), ("b", Metadata()), ("a", Metadata("counter", "h", "s"))]
    requests = list(encoded_metadata(known, 1))
    assert [count for _, count in requests] == [1, 1]
    ((tag, _, _, entry),) = fields(requests[0][0])
    said = {number: value or text for number, _, value, text in fields(entry)}
    assert (tag, said) == (3, {1: 1, 2: b"a", 4: b"h", 5: b"s"})
