"""The outgoing buffer: order, restart, torn tails, bounded size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opsctl.metrics.forward import Forward
from opsctl.metrics.outgoing import Outgoing, Parcel
from opsctl.metrics.remote_post import Again, Never, Taken, outcome
from opsctl.metrics.remote_protocol import Decoder, encoded_instant, packed, samples_of
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from opsctl.relabel import Rule

LABELS = tuple(Labels({"__name__": "m", "i": str(i)}) for i in range(5))


def _fill(outgoing: Outgoing, batches: int, first: int = 0) -> Forward:
    forward = Forward(outgoing)
    for at in range(first, first + batches):
        forward.take([Batch("s", 1_790_000_000_000 + at, LABELS, np.full(5, float(at)))])
    return forward


def _values(parcel: Parcel | None) -> list[float]:
    assert parcel is not None
    got = Decoder().decode(packed(parcel.request))
    assert len(got.values) == parcel.samples
    return sorted(set(got.values.tolist()))


def test_first_in_first_out_over_a_restart(tmp_path: Path) -> None:
    outgoing = Outgoing(tmp_path)
    _fill(outgoing, 4)
    first = outgoing.take(10)
    assert _values(first) == [0, 1]
    assert first is not None
    outgoing.begin(first)
    outgoing.done(first)
    outgoing.close()
    again = Outgoing(tmp_path)
    assert again.waiting == 10
    assert _values(again.take(100)) == [2, 3]


def test_what_was_on_its_way_is_sent_again_as_the_same_request(tmp_path: Path) -> None:
    outgoing = Outgoing(tmp_path)
    _fill(outgoing, 4)
    sent = outgoing.take(10)
    assert sent is not None
    outgoing.begin(sent)
    after = Outgoing(tmp_path)
    again = after.take(100)
    assert again is not None
    assert (again.request, again.again) == (sent.request, True)
    after.done(again)
    assert _values(after.take(100)) == [2, 3]


@pytest.mark.parametrize("cut", [1, 10, 25])
def test_a_torn_tail_costs_the_torn_record_only(tmp_path: Path, cut: int) -> None:
    outgoing = Outgoing(tmp_path)
    _fill(outgoing, 3)
    outgoing.close()
    (segment,) = [p for p in tmp_path.iterdir() if p.name.isdigit()]
    segment.write_bytes(segment.read_bytes()[:-cut])
    after = Outgoing(tmp_path)
    _fill(after, 1, first=9)
    assert _values(after.take(100)) == [0, 1, 9]


def test_over_its_size_the_oldest_goes_and_is_counted(tmp_path: Path) -> None:
    outgoing = Outgoing(tmp_path, most_bytes=1)
    _fill(outgoing, 2)
    outgoing.close()
    after = Outgoing(tmp_path, most_bytes=1)
    _fill(after, 1, first=5)
    assert (after.lost, after.waiting) == (10, 5)
    assert _values(after.take(100)) == [5]


def test_segments_that_were_sent_are_deleted(tmp_path: Path) -> None:
    for round_ in range(3):
        outgoing = Outgoing(tmp_path)
        _fill(outgoing, 1, first=round_)
        parcel = outgoing.take(100)
        assert parcel is not None
        outgoing.begin(parcel)
        outgoing.done(parcel)
        outgoing.close()
    assert len([p for p in tmp_path.iterdir() if p.name.isdigit()]) <= 1


def test_external_labels_and_relabelling(tmp_path: Path) -> None:
    outgoing = Outgoing(tmp_path)
    forward = Forward(outgoing)
    rule = Rule(source_labels=("i",), regex="[34]", action="drop")
    forward.configure({"site": "here", "i": "never"}, [rule], 2)
    forward.take([Batch("s", 1_790_000_000_000, LABELS, np.arange(5.0))])
    parcel = outgoing.take(100)
    assert parcel is not None
    got = Decoder().decode(packed(parcel.request))
    assert [(one["i"], one["site"]) for one in got.labels] == [("0", "here"), ("1", "here"), ("2", "here")]
    assert (forward.dropped, parcel.samples) == (2, 3)


def test_outcomes() -> None:
    assert outcome(204, "", "", 0) == Taken()
    assert outcome(503, "later", "7", 0) == Again("server returned HTTP status 503: later", 7)
    assert outcome(429, "", "Thu, 01 Jan 1970 00:01:00 GMT", 50, True) == Again("server returned HTTP status 429: ", 10)
    assert outcome(429, "", "", 0) == Never("server returned HTTP status 429: ")
    assert outcome(500, "", "nonsense", 0) == Again("server returned HTTP status 500: ", 0)
    assert outcome(400, "out of order sample\n", "", 0) == Never("server returned HTTP status 400: out of order sample")


def test_what_is_too_old_is_passed_over_and_let_go(tmp_path: Path) -> None:
    out = Outgoing(tmp_path)
    for at in (1000, 2000, 3000):
        out.put(encoded_instant([Labels({"__name__": "a"})], at, np.array([1.0])), 1, at)
    parcel = out.take(10, oldest_ms=2500)
    assert parcel is not None
    assert (parcel.samples, parcel.expired, samples_of(parcel.request)) == (1, 2, 1)
    out.done(parcel)
    assert out.waiting == 0
    assert out.take(10) is None
