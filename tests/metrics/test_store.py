"""The embedded store: append, select, blocks, restart, retention, damage."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import orjson
import pytest

from opsctl.core.errors import StateError
from opsctl.metrics.fill import fill
from opsctl.metrics.section import Section
from opsctl.metrics.storage import Appended
from opsctl.metrics.store import EmbeddedStore
from opsctl.metrics.wal import BATCH, LAYOUT, record
from opsctl.model.batch import Batch
from opsctl.model.series import STALE, Series, is_stale
from tests.metrics.support import EVER, HOUR, everything, match, put, series

BASE = 500_000 * HOUR
A, B, C = series("m", i="a"), series("m", i="b"), series("n", i="a", z="1")


def test_select_gives_each_series_its_own_samples(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    put(store, BASE, {A: 1, B: 2})
    put(store, BASE + 5000, {A: 3, C: 4})
    put(store, BASE + 10_000, {B: 5})
    assert everything(store) == {
        str(A): [(BASE, 1), (BASE + 5000, 3)], str(B): [(BASE, 2), (BASE + 10_000, 5)], str(C): [(BASE + 5000, 4)],
    }  # fmt: skip
    assert everything(store, BASE + 1, BASE + 5000) == {str(A): [(BASE + 5000, 3)], str(C): [(BASE + 5000, 4)]}
    store.close()


def test_what_is_not_newer_is_refused(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    assert put(store, BASE, {A: 1}) == 1
    assert put(store, BASE, {A: 2}) == 0
    assert put(store, BASE - 1, {A: 2}) == 0
    assert put(store, BASE - 1, {B: 2}, source="other") == 1
    assert put(store, BASE - HOUR - 1, {B: 2}, source="third") == 0
    assert store.status().out_of_order == 3
    store.close()


def test_two_sources_of_one_series_are_joined_in_time(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    for k in range(4):
        put(store, BASE + k * 1000, {A: k}, source=f"s{k % 2}")
    assert everything(store)[str(A)] == [(BASE + k * 1000, k) for k in range(4)]
    store.close()


def _batch(at_ms: int, source: str = "t", **values: float) -> Batch:
    names = tuple(series("m", i=i) for i in values)
    return Batch(source, at_ms, names, np.array(list(values.values())))


def test_each_series_is_judged_by_its_own_last_sample(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    store.append(_batch(BASE + 1000, a=1, b=2))
    result = store.append(_batch(BASE + 1000, a=1, b=3, c=4), _batch(BASE, a=0, d=5), _batch(BASE - 2 * HOUR, a=1))
    assert result == Appended(kept=2, repeated=1, duplicate=1, out_of_order=1, too_old=1)
    assert result.reasons() == {"duplicate sample for timestamp": 1, "out of order sample": 1, "out of bounds": 1}
    held = {
        str(series("m", i=i)): [(BASE + at, v)]
        for i, at, v in (("a", 1000, 1), ("b", 1000, 2), ("c", 1000, 4), ("d", 0, 5))
    }
    assert everything(store) == held
    store.close()
    store = EmbeddedStore(tmp_path)
    assert everything(store) == held
    assert store.append(_batch(BASE + 1000, a=1, b=9)) == Appended(repeated=1, duplicate=1)
    store.close()


def test_a_series_twice_in_a_batch_is_kept_once(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    assert store.append(Batch("t", BASE, (A, B, A), np.array([1.0, 2.0, 3.0]))) == Appended(kept=2, duplicate=1)
    assert everything(store) == {str(A): [(BASE, 1)], str(B): [(BASE, 2)]}
    store.close()


@pytest.mark.parametrize(
    ("matcher", "found"),
    [
        (("i", "=", "a"), [A, C]), (("i", "!=", "a"), [B]), (("i", "=~", "a|b"), [A, B, C]),
        (("i", "!~", "a.*"), [B]), (("z", "=", ""), [A, B]), (("z", "!=", ""), [C]), (("z", "=~", ".*"), [A, B, C]),
        (("z", "=~", ".+"), [C]), (("q", "=", "x"), []), (("q", "=", ""), [A, B, C]), (("__name__", "=", "m"), [A, B]),
    ],
)  # fmt: skip
def test_matchers(tmp_path: Path, matcher: tuple[str, str, str], found: list[object]) -> None:
    store = EmbeddedStore(tmp_path)
    put(store, BASE, {A: 1, B: 2, C: 3})
    selected = store.select(match(*matcher), *EVER)  # type: ignore[arg-type]
    assert [s.labels for s in selected] == found
    store.close()


def test_series_and_labels_are_those_with_samples_in_the_range(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    put(store, BASE, {A: 1, C: 1})
    put(store, BASE + HOUR, {A: 1, B: 1})
    assert store.series([match("i", "=~", ".+")], BASE + 1, BASE + HOUR) == [A, B]
    assert store.label_names([], *EVER) == ["__name__", "i", "z"]
    assert store.label_names([match("__name__", "=", "m")], *EVER) == ["__name__", "i"]
    assert store.label_values("i", [], *EVER) == ["a", "b"]
    assert store.label_values("i", [], BASE, BASE + 1) == ["a"]
    store.close()


def test_staleness_markers_survive_log_and_block(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    put(store, BASE, {A: 1})
    put(store, BASE + 1000, {A: STALE})
    for _ in range(2):
        (found,) = store.select(match("i", "=", "a"), *EVER)
        assert is_stale(found.values).tolist() == [False, True]
        store.close()
        store = EmbeddedStore(tmp_path)
        store.maintain((BASE + 3 * HOUR) / 1000)
    assert store.status().blocks == 1
    store.close()


def fill_hours(store: EmbeddedStore, hours: float) -> None:
    for k in range(int(hours * 360)):
        put(store, BASE + k * 10_000, {A: k, B: 2.5 * k, **({C: -k} if k % 3 else {})})


def test_blocks_and_head_answer_as_one_and_survive_a_restart(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    fill_hours(store, 5)
    before = everything(store)
    store.maintain((BASE + 5 * HOUR) / 1000)
    assert store.status().blocks == 2
    assert store.status().head_min_ms == BASE + 4 * HOUR
    assert everything(store) == before
    store.close()
    store = EmbeddedStore(tmp_path)
    assert everything(store) == before
    assert put(store, BASE + HOUR, {A: 1}) == 0
    assert put(store, BASE + 5 * HOUR, {A: 1}) == 1
    store.close()
    assert len(list((tmp_path / "wal").iterdir())) <= 3


def test_a_death_between_block_and_log_doubles_nothing(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    fill_hours(store, 3)
    before = everything(store)
    kept = {p: p.read_bytes() for p in (tmp_path / "wal").iterdir()}
    store.maintain((BASE + 3 * HOUR) / 1000)
    store.close()
    for path, data in kept.items():
        path.write_bytes(data)
    store = EmbeddedStore(tmp_path)
    assert everything(store) == before
    store.close()


def test_retention_deletes_whole_blocks(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, retention_seconds=3 * 3600)
    fill_hours(store, 5)
    store.maintain((BASE + 5.5 * HOUR) / 1000)
    assert min(t for t, _ in everything(store)[str(A)]) == BASE + 2 * HOUR
    assert len(list((tmp_path / "blocks").iterdir())) == 1
    store.close()


def test_a_damaged_block_is_set_aside_and_the_rest_answers(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    fill_hours(store, 5)
    store.maintain((BASE + 5 * HOUR) / 1000)
    store.close()
    first = min((tmp_path / "blocks").iterdir())
    data = bytearray(first.read_bytes())
    data[len(data) // 3] ^= 255
    first.write_bytes(data)
    store = EmbeddedStore(tmp_path)
    assert min(t for t, _ in everything(store)[str(A)]) == BASE + 2 * HOUR
    assert store.status().set_aside == 1
    assert (tmp_path / "damaged" / first.name).exists()
    store.close()


def test_a_lost_table_of_labels_is_made_again_from_the_blocks(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    fill_hours(store, 3)
    store.maintain((BASE + 3 * HOUR) / 1000)
    before = everything(store)
    store.close()
    (tmp_path / "series").write_bytes(b"nonsense")
    store = EmbeddedStore(tmp_path)
    assert everything(store) == before
    store.close()


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 60])
def test_a_torn_log_keeps_all_before_the_tear(tmp_path: Path, cut: int) -> None:
    store = EmbeddedStore(tmp_path)
    for k in range(10):
        put(store, BASE + k * 1000, {A: k})
    store.close()
    (segment,) = (tmp_path / "wal").iterdir()
    os.truncate(segment, segment.stat().st_size - cut)
    store = EmbeddedStore(tmp_path)
    kept = everything(store)[str(A)]
    assert kept == [(BASE + k * 1000, k) for k in range(len(kept))]
    assert len(kept) >= 9 - cut // 29
    put(store, BASE + 60_000, {A: 6})
    store.close()
    store = EmbeddedStore(tmp_path)
    assert everything(store)[str(A)] == [*kept, (BASE + 60_000, 6)]
    store.close()


def test_a_full_disk_costs_durability_but_not_the_samples_in_memory(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    put(store, BASE, {A: 1})
    store._wal.rotate()
    (tmp_path / "wal").rename(tmp_path / "gone")
    assert store.append(_batch(BASE + 1000, a=2), _batch(BASE + 1001, a=2.5)).kept == 2
    assert store.status().wal_failures == 1
    (tmp_path / "gone").rename(tmp_path / "wal")
    put(store, BASE + 2000, {A: 3})
    assert [v for _, v in everything(store)[str(A)]] == [1, 2, 2.5, 3]
    store.close()
    store = EmbeddedStore(tmp_path)
    assert [v for _, v in everything(store)[str(A)]] == [1, 3]
    store.close()


def test_the_folder_has_one_owner_and_a_version(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    with pytest.raises(StateError, match="in use"):
        EmbeddedStore(tmp_path)
    store.close()
    (tmp_path / "VERSION").write_text("99\n")
    with pytest.raises(StateError, match="format 99"):
        EmbeddedStore(tmp_path)


def test_a_folder_of_the_first_format_is_taken_over(tmp_path: Path) -> None:
    """Its log has label sets without numbers; an older opsctl refuses what comes after."""
    folder = tmp_path / "metrics"
    (folder / "wal").mkdir(parents=True)
    (folder / "VERSION").write_text("1\n")
    log = [
        b"S" + orjson.dumps([A.pairs]), LAYOUT.pack(b"L", 0, 1) + b"t" + np.array([0], np.uint32).tobytes(),
        BATCH.pack(b"B", 0, BASE) + np.array([1.5]).tobytes(), b"S" + orjson.dumps([B.pairs]),
        LAYOUT.pack(b"L", 1, 1) + b"t" + np.array([1, 0], np.uint32).tobytes(),
        BATCH.pack(b"B", 1, BASE + 1) + np.array([2.5, 3.5]).tobytes(),
    ]  # fmt: skip
    (folder / "wal" / "00000001").write_bytes(b"".join(map(record, log)))
    store = EmbeddedStore(folder)
    assert everything(store) == {str(A): [(BASE, 1.5), (BASE + 1, 3.5)], str(B): [(BASE + 1, 2.5)]}
    store.close()
    assert (folder / "VERSION").read_text() == "2\n"
    assert (tmp_path / "metrics.v1.bak" / "wal" / "00000001").exists()


def test_history_is_filled_in_blocks_and_joined_by_what_follows(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    times = np.arange(BASE - 30 * 24 * HOUR, BASE, 60_000)
    rng = np.random.default_rng(3)
    past = [Series(series("b", i=str(i)), times, np.round(rng.random(len(times)), 2)) for i in range(3)]
    past.append(Series(A, times[::7], np.arange(len(times[::7]), dtype=np.float64)))
    assert fill(store, past) == sum(len(s.times) for s in past)
    put(store, BASE + 1000, {A: 7})
    store.close()
    store = EmbeddedStore(tmp_path)
    for one in past[:3]:
        (found,) = store.select(match("i", "=", one.labels["i"]), *EVER)
        assert np.array_equal(found.times, one.times)
        assert np.array_equal(found.values, one.values)
    assert everything(store)[str(A)][-1] == (BASE + 1000, 7)
    assert len(everything(store)[str(A)]) == len(times[::7]) + 1
    store.close()


def test_two_histories_over_the_same_time_are_both_kept(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    times = np.array([1000, 2000], dtype=np.int64)
    for name in ("a", "b"):
        section = Section(name, np.array([0], dtype=np.int64), times, np.array([[1.0, 2.0]]))
        store.fill([((series(name),), section)])
    assert everything(store) == {"a": [(1000, 1.0), (2000, 2.0)], "b": [(1000, 1.0), (2000, 2.0)]}
    store.close()
