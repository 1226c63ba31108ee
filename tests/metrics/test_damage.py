"""Any byte flipped, any cut, in the log, the table of series or a block: the store opens, and no value is wrong.

What is missing afterwards was in what is damaged, and a copy of that lies in `damaged/`; a log that ends between two
records has nothing that could be copied.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.metrics.store import EmbeddedStore
from tests.metrics.support import HOUR, everything, put, series

BASE = 500_000 * HOUR
STEP = 5 * 60_000
Held = dict[str, list[tuple[int, float]]]


class Life:
    """A store's folder with everything in it, what it holds, and which samples each file has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "store"
        store = EmbeddedStore(self.folder, out_of_order_ms=10 * HOUR)
        for k in range(80):
            put(store, BASE + k * STEP, {series("m", i=str(i)): k * 10.0 + i for i in range(4) if k % 5 != i})
            if k % 9 == 8:
                put(store, BASE + (k - 7) * STEP + 1, {series("m", i="1"): k / 2, series(f"late{k}"): 1.0})
            if k == 40:
                store._upkeep.flush()
            if k % 16 == 0:
                store._wal.rotate()
        store.maintain((BASE + 80 * STEP) / 1000)
        for k in range(80, 90):
            put(store, BASE + k * STEP, {series("new", i=str(k)): k, series("m", i="0"): k})
            put(store, BASE + k * STEP, {series("n", i=str(k % 3)): k}, "other")
        self.held = everything(store)
        assert store.status().blocks >= 3
        store._owned.close()
        self.files = sorted(
            p.relative_to(self.folder) for p in self.folder.rglob("*") if p.is_file() and p.stat().st_size > 1
        )
        self.files = [f for f in self.files if f.name not in ("VERSION", "LOCK")]
        assert {f.parts[0] for f in self.files} == {"wal", "blocks", "series"}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    return Life(tmp_path_factory.mktemp("life"))


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


DAMAGE = st.tuples(
    st.integers(0, 99), st.floats(0, 1, exclude_max=True), st.sampled_from(["flip", "cut", "zero", "swap"])
)


def damage(folder: Path, file: Path, where: float, how: str, bit: int) -> None:
    path = folder / file
    data = bytearray(path.read_bytes())
    at = int(where * len(data))
    if how == "cut":
        data = data[:at]
    elif how == "zero":
        data[at : at + 40] = bytes(len(data[at : at + 40]))
    elif how == "swap":
        data[at : at + 24] = data[at + 12 : at + 24] + data[at : at + 12]
    elif data:
        data[at] ^= 1 << bit
    path.write_bytes(data)


def check(life: Life, folder: Path, damaged: set[tuple[Path, str]]) -> None:
    """Opens, reads, writes, and opens again."""
    for _ in range(2):
        store = EmbeddedStore(folder, out_of_order_ms=10 * HOUR)
        found = everything(store)
        missing = [
            (name, sample) for name, row in life.held.items() for sample in row if sample not in found.get(name, [])
        ]
        wrong = [(name, s) for name, row in found.items() for s in row if s not in life.held.get(name, [])]
        assert [w for w in wrong if w[0] != "after"] == []
        assert all(len({at for at, _ in row}) == len(row) for row in found.values())
        if missing:
            assert {f.parts[0] for f, _ in damaged} & {"wal", "blocks"}
            if ("wal", "cut") not in {(f.parts[0], how) for f, how in damaged}:
                assert list((folder / "damaged").iterdir())
        store.append()
        put(store, BASE + 100 * STEP, {series("after"): 1.0})
        assert everything(store)["after"] == [(BASE + 100 * STEP, 1.0)]
        assert store.series([], 0, 2**60)
        store.maintain((BASE + 90 * STEP) / 1000)
        assert all(s in life.held.get(n, []) for n, row in everything(store).items() for s in row if n != "after")
        store._owned.close()


@given(several=st.lists(DAMAGE, min_size=1, max_size=3), bit=st.integers(0, 7))
@settings(max_examples=80, deadline=None)
def test_no_value_is_ever_wrong(life: Life, workbench: Path, several: list[tuple[int, float, str]], bit: int) -> None:
    folder = workbench / "hurt"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(life.folder, folder)
    files = [life.files[number % len(life.files)] for number, _, _ in several]
    for file, (_, where, how) in zip(files, several, strict=True):
        damage(folder, file, where, how, bit)
    check(life, folder, {(file, how) for file, (_, _, how) in zip(files, several, strict=True)})


@pytest.mark.campaign
def test_one_damage_at_a_time(life: Life, workbench: Path, rounds: int, seed: int) -> None:
    """Each round hurts every file once."""
    dice = random.Random(seed)
    for _ in range(rounds):
        for file in life.files:
            folder = workbench / "once"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(life.folder, folder)
            how = dice.choice(["flip", "cut", "zero", "swap"])
            damage(folder, file, dice.random(), how, dice.randrange(8))
            check(life, folder, {(file, how)})


def test_records_behind_a_damaged_one_are_still_read(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    for k in range(50):
        put(store, BASE + k * STEP // 10, {series("m", i="a"): k, series("m", i="b"): -k})
    store._owned.close()
    (segment,) = (tmp_path / "wal").iterdir()
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    store = EmbeddedStore(tmp_path)
    assert len(everything(store)[str(series("m", i="a"))]) == 49
    assert len(list((tmp_path / "damaged").iterdir())) == 1
    assert store.status().set_aside == 1
    store.close()


def test_a_layout_that_is_lost_costs_its_own_batches_only(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    put(store, BASE, {series("a"): 1, series("b"): 2})
    first = (tmp_path / "wal" / "00000001").stat().st_size
    put(store, BASE + 1, {series("c"): 3, series("a"): 4}, "other")
    put(store, BASE + 2, {series("a"): 5, series("b"): 6})
    put(store, BASE + 3, {series("d"): 7, series("c"): 8}, "third")
    store._owned.close()
    segment = tmp_path / "wal" / "00000001"
    data = bytearray(segment.read_bytes())
    data[first + 12] ^= 1
    segment.write_bytes(data)
    store = EmbeddedStore(tmp_path)
    assert everything(store) == {"a": [(BASE, 1), (BASE + 2, 5)], "b": [(BASE, 2), (BASE + 2, 6)]}
    store.close()


def test_a_table_that_is_older_than_the_blocks_is_made_anew(tmp_path: Path) -> None:
    """As when a single file comes back from a backup: no number may stand for another series."""
    store = EmbeddedStore(tmp_path)
    for window in range(4):
        for k in range(5):
            put(store, BASE + window * 2 * HOUR + k, {series("m", w=str(window)): k, series("all"): k})
        store.maintain((BASE + window * 2 * HOUR + HOUR) / 1000)
        if window == 2:
            old = (tmp_path / "series").read_bytes()
    store.maintain((BASE + 9 * HOUR) / 1000)
    held = everything(store)
    store.close()
    (tmp_path / "series").write_bytes(old)
    shutil.rmtree(tmp_path / "wal")
    store = EmbeddedStore(tmp_path)
    put(store, BASE + 9 * HOUR, {series("new"): 1.0})
    assert everything(store) == {**held, "new": [(BASE + 9 * HOUR, 1.0)]}
    store.close()
