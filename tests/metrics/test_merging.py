"""Blocks of a day become one: the same samples before, after, in between, and after a death at any point."""

from __future__ import annotations

import shutil
import threading
import tracemalloc
from pathlib import Path

from opsctl.metrics.block import Block, chunk_cache
from opsctl.metrics.merging import DAY_MS, plan_merge
from opsctl.metrics.store import EmbeddedStore
from tests.metrics.support import EVER, HOUR, everything, match, put, series

STEP = 5 * 60_000


def lived(folder: Path, hours: int = 30, merge: bool = True) -> EmbeddedStore:
    """A store that has lived for some hours, with a series that comes late and one that goes."""
    store = EmbeddedStore(folder)
    for at in range(STEP, hours * HOUR, STEP):
        values = {series("all", n=str(n)): float(at // STEP * n) for n in range(3)}
        if at > 5 * HOUR:
            values[series("late")] = float(at % 7)
        if at < 9 * HOUR:
            values[series("early")] = 0.25 * at
        put(store, at, values)
        if at % (2 * HOUR) == 30 * 60_000:
            store.maintain(at / 1000 if merge or at < DAY_MS else DAY_MS / 1000 - 1)
    return store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "blocks").iterdir())


def test_a_day_becomes_one_block_with_the_same_samples(tmp_path: Path) -> None:
    merged, plain = lived(tmp_path / "merged"), lived(tmp_path / "plain", merge=False)
    assert len(names(tmp_path / "plain")) >= 11
    assert [n for n in names(tmp_path / "merged") if "-merged-" in n]
    assert len(names(tmp_path / "merged")) <= 3
    assert everything(merged) == everything(plain)
    merged.close()
    again = EmbeddedStore(tmp_path / "merged")
    assert everything(again) == everything(plain)
    again.close()
    plain.close()


def test_a_death_before_the_old_files_are_gone(tmp_path: Path) -> None:
    """Both the merged block and those that it replaces are there: the samples stand there once."""
    plain = lived(tmp_path / "plain", merge=False)
    wanted = everything(plain)
    plain.close()
    for file in (tmp_path / "plain" / "blocks").iterdir():
        shutil.copy(file, tmp_path / file.name)
    store = EmbeddedStore(tmp_path / "plain")
    store.maintain(30 * HOUR / 1000)
    assert len(names(tmp_path / "plain")) < 5
    store.close()
    for file in tmp_path.glob("*.block"):
        shutil.copy(file, tmp_path / "plain" / "blocks" / file.name)
    again = EmbeddedStore(tmp_path / "plain")
    assert everything(again) == wanted
    assert len(names(tmp_path / "plain")) < 5
    again.close()


def test_a_damaged_block_does_not_hold_up_the_others(tmp_path: Path) -> None:
    store = lived(tmp_path, hours=23)
    victim = tmp_path / "blocks" / names(tmp_path)[3]
    content = bytearray(victim.read_bytes())
    content[20] ^= 0xFF
    victim.write_bytes(content)
    for at in range(23 * HOUR, 30 * HOUR, STEP):
        put(store, at, {series("all", n="0"): 1.0})
    store.maintain(30 * HOUR / 1000)
    store.maintain(30 * HOUR / 1000)
    assert store.status().set_aside == 1
    assert (tmp_path / "damaged" / victim.name).exists()
    assert [n for n in names(tmp_path) if "-merged-" in n]
    store.close()


def test_a_query_during_a_merge_misses_nothing(tmp_path: Path) -> None:
    store = lived(tmp_path, merge=False)
    count = len(everything(store)['all{n="1"}'])
    found: list[int] = []
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            found.append(len(store.select(match("n", "=", "1"), *EVER)[0].times))

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(5):
        store.maintain(30 * HOUR / 1000)
    end.set()
    asking.join()
    assert set(found) == {count}
    store.close()


def test_a_day_that_is_merged_again_and_again(tmp_path: Path) -> None:
    """Late samples with the same first and last time, and each time a death before the old files are gone."""
    store = lived(tmp_path / "store", hours=30)
    store.take_late(100 * 3600)
    wanted = everything(store)
    for turn in range(5):
        for at in (HOUR, 20 * HOUR):
            put(store, at, {series("again", n=str(turn)): turn + at})
            wanted.setdefault(str(series("again", n=str(turn))), []).append((at, turn + at))
        store._upkeep.flush()
        assert everything(store) == wanted
        for file in (tmp_path / "store" / "blocks").iterdir():
            shutil.copy(file, tmp_path / file.name)
        store.maintain(31 * HOUR / 1000)
        assert everything(store) == wanted
        store._owned.close()
        for file in tmp_path.glob("*.block"):
            file.rename(tmp_path / "store" / "blocks" / file.name)
        store = EmbeddedStore(tmp_path / "store", out_of_order_ms=100 * HOUR)
        assert everything(store) == wanted
        assert len(names(tmp_path / "store")) < 5
    store.close()


def test_series_that_come_and_go_do_not_swell_the_merge(tmp_path: Path) -> None:
    """A day of pods that live two hours each: no matrix of all pods over all of the day."""
    store = EmbeddedStore(tmp_path)
    for at in range(STEP, 26 * HOUR, STEP):
        put(store, at, {series("pod", n=f"{at // (2 * HOUR)}-{n}"): float(n) for n in range(200)} | {series("up"): 1.0})
        if at % (2 * HOUR) == 30 * 60_000:
            store.maintain(min(at, DAY_MS - 1) / 1000)
    before = everything(store)
    tracemalloc.start()
    store.maintain(27 * HOUR / 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [n for n in names(tmp_path) if "-merged-" in n]
    assert everything(store) == before
    assert peak < 5 << 20, "a matrix of all pods over all of the day alone takes more"
    store.close()


def test_what_is_merged(tmp_path: Path) -> None:
    store = lived(tmp_path, hours=50, merge=False)
    store.close()
    blocks = [Block(path, chunk_cache()) for path in (tmp_path / "blocks").iterdir()]
    assert plan_merge(blocks, DAY_MS - 1) == ()
    first = plan_merge(blocks, 2 * DAY_MS)
    assert {(b.window_end_ms - 1) // DAY_MS for b in first} == {0}
    assert len(first) >= 11
    assert plan_merge(blocks, 2 * DAY_MS, first[0].size + first[1].size) == first[:2]
    assert plan_merge(blocks, 2 * DAY_MS, 1) == ()


def test_the_oldest_blocks_go_when_there_is_no_room(tmp_path: Path) -> None:
    store = lived(tmp_path, hours=23)
    held = everything(store)['all{n="1"}']
    room = sum(path.stat().st_size for path in (tmp_path / "blocks").iterdir()) // 2
    store.close()
    small = EmbeddedStore(tmp_path, retention_bytes=room)
    small.maintain(23 * HOUR / 1000)
    assert 0 < sum(path.stat().st_size for path in (tmp_path / "blocks").iterdir()) <= room
    left = everything(small)['all{n="1"}']
    assert left == held[-len(left) :]
    assert len(left) < len(held)
    small.close()
