"""Boards become the same whatever the order of arrival; bad words are refused."""

from __future__ import annotations

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.cluster.board import Board, Record, record_of
from opsctl.cluster.members import ALIVE_SECONDS, Members
from opsctl.cluster.wire import Word, is_signed, packed, signature, unpacked

RECORDS = st.lists(
    st.builds(
        Record, st.sampled_from(["silence", "told"]), st.sampled_from("abc"), st.integers(0, 5).map(float),
        st.sampled_from("xyz"), st.just(100.0), st.integers(-99, 99),
    ),
    max_size=20,
    unique_by=lambda r: (r.kind, r.key, r.at, r.by),
)  # fmt: skip


@given(RECORDS, st.integers())
def test_boards_become_the_same(records: list[Record], seed: int) -> None:
    one, other, shuffled = Board("x"), Board("y"), list(records)
    random.Random(seed).shuffle(shuffled)
    for record in records:
        one.merge([record], 0)
    other.merge(shuffled, 0)
    assert one.digest == other.digest
    assert sorted(map(repr, one)) == sorted(map(repr, other))
    for record in records:
        held = one.get(record.kind, record.key)
        assert held is not None
        assert (held.at, held.by) >= (record.at, record.by)
    assert one.merge(records, 0) == []


@given(RECORDS)
def test_what_nobody_needs_is_dropped_and_never_taken(records: list[Record]) -> None:
    board = Board("x")
    board.merge(records, 0)
    assert board.forget(100) == len({(r.kind, r.key) for r in records})
    assert (len(board), board.digest) == (0, "0" * 16)
    assert board.merge(records, 100) == []


def test_only_own_writes_go_out() -> None:
    board = Board("x")
    board.merge([Record("silence", "a", 5, "y", 100, 1)], 0)
    board.write("silence", "a", 2, 4, 100)  # older than what is known
    board.write("silence", "b", 3, 6, 100)
    board.load(Record("told", "c", 1, "x", 100, 4))
    assert [r.key for r in board.taken()] == ["b"]
    assert board.taken() == []


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(body: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(body)


@given(RECORDS)
def test_words_come_back_as_they_were(records: list[Record]) -> None:
    word = Word("n", "h:1", "l", "d", ("h:2",), tuple(records), True)
    assert unpacked(packed(word)) == word


@pytest.mark.parametrize(
    "made",
    [
        {"name": ""}, {"name": "n", "records": [[1, 2]]}, {"name": "n", "records": {}}, {"name": "n", "members": [1]},
        {"name": "n", "records": [["k", "k", "t", "b", 1, {}]]}, {"name": "n", "digest": 4}, {"name": "n" * 301},
    ],
)  # fmt: skip
def test_words_that_make_no_sense_are_refused(made: object) -> None:
    with pytest.raises(ValueError):
        unpacked(orjson.dumps(made))
    with pytest.raises(ValueError):
        record_of(made)


def test_signatures() -> None:
    assert is_signed(b"", b"body", "")
    assert is_signed(b"k", b"body", signature(b"k", b"body"))
    assert not is_signed(b"k", b"bode", signature(b"k", b"body"))
    assert not is_signed(b"k", b"body", "")


def test_members_come_and_go() -> None:
    members = Members("m", "h:1", ["h:1", "h:2", "h:3"])
    assert {m.address for m in members.to_ask(0, 1, 10, 3600)} == {"h:2", "h:3"}
    assert members.heard("h:2", "a", 0)
    assert not members.heard("h:2", "a", 1)
    assert members.heard("h:3", "z", 1)
    assert (members.position(1), members.position(1 + ALIVE_SECONDS)) == (1, 0)
    assert members.heard("h:2", "b", 2)  # a new life
    assert members.here("b", 2)
    assert not members.here("a", 2)
    assert not members.heard("h:9", "m", 2)  # ourselves by another address
    members.learn(["h:1", "h:4"])
    members.failed("h:4", 10)
    assert {m.address for m in members.others()} == {"h:2", "h:3", "h:4"}
    members.to_ask(10 + 3601, 1, 10, 3600)
    assert {m.address for m in members.others()} == {"h:2", "h:3"}
