"""Samples in any order of time: what was accepted is what is read, whatever was cut, merged or restarted in between."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.metrics.head import Head
from opsctl.metrics.loose import loosened
from opsctl.metrics.merging import DAY_MS
from opsctl.metrics.storage import Appended
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.batch import Batch
from tests.metrics.support import HOUR, everything, put, series

BASE = 500_000 * HOUR // DAY_MS * DAY_MS
STEP = 10 * 60_000
WIDE = 10 * DAY_MS
NAMES = [series("m", i=str(n)) for n in range(5)]

WRITE = st.tuples(
    st.just("write"), st.integers(0, 1), st.integers(0, 200), st.sets(st.integers(0, 4), min_size=1), st.integers(0, 2)
)
STEPS = st.lists(st.one_of(WRITE, WRITE, WRITE, st.tuples(st.sampled_from(["maintain", "kill", "end"]))), max_size=40)


def killed(store: EmbeddedStore, folder: Path) -> EmbeddedStore:
    """As after kill -9: nothing is written at the end."""
    store._owned.close()
    return EmbeddedStore(folder, out_of_order_ms=store._intake.late_ms)


@dataclass
class Life:
    """A store and what it should hold: series → time → value."""

    folder: Path
    window_ms: int
    held: dict[str, dict[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = EmbeddedStore(self.folder, out_of_order_ms=self.window_ms)

    def write(self, source: int, at: int, numbers: set[int], value: int) -> None:
        at_ms = BASE + at * STEP
        for number in numbers:
            row = self.held.setdefault(str(NAMES[number]), {})
            batch = Batch(f"s{source}", at_ms, (NAMES[number],), np.array([float(value)]))
            became = self.store.append(batch)
            if self.window_ms == WIDE:
                assert became == self.expected(row, at_ms, value)
            elif not self.window_ms and row and at_ms < max(row):
                assert became.refused == 1
            if became.kept:
                assert at_ms not in row
                row[at_ms] = float(value)

    def expected(self, row: dict[int, float], at_ms: int, value: int) -> Appended:
        if at_ms in row:
            return Appended(repeated=1) if row[at_ms] == value else Appended(duplicate=1)
        return Appended(kept=1)

    def maintain(self) -> None:
        newest = max((max(row) for row in self.held.values() if row), default=BASE)
        self.store.maintain((newest + 2 * HOUR + HOUR) / 1000)

    def kill(self) -> None:
        self.store = killed(self.store, self.folder)

    def end(self) -> None:
        self.store.close()
        self.store = EmbeddedStore(self.folder, out_of_order_ms=self.window_ms)

    def check(self) -> None:
        assert everything(self.store) == {name: sorted(row.items()) for name, row in self.held.items() if row}
        middle = BASE + 100 * STEP
        late = {name: [s for s in sorted(row.items()) if s[0] >= middle] for name, row in self.held.items()}
        assert everything(self.store, middle) == {name: row for name, row in late.items() if row}


@pytest.mark.parametrize("window_ms", [0, 3 * HOUR, WIDE])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_what_was_accepted_is_read(window_ms: int, steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        life = Life(Path(name), window_ms)
        for what, *rest in steps:
            getattr(life, str(what))(*rest)
            life.check()
        life.store.close()


def test_a_late_sample_of_a_window_that_is_cut(tmp_path: Path) -> None:
    """It is there at once, after a kill, in a block of its own, and merged with its day."""
    store = EmbeddedStore(tmp_path, out_of_order_ms=8 * HOUR)
    a, b = NAMES[:2]
    for k in range(60):
        if k != 7:
            put(store, BASE + k * STEP, {a: k, b: -k})
    store.maintain((BASE + 60 * STEP) / 1000)
    assert store.status().blocks == 4
    held = everything(store)
    assert store.append(Batch("t", BASE + 12 * STEP, (a, b), np.array([12.0, 5.0]))) == Appended(
        repeated=1, duplicate=1
    )
    assert put(store, BASE + 7 * STEP, {a: 7}) == 0
    assert put(store, BASE + 20 * STEP + 1, {a: 20.5}) == 1
    held[str(a)] = sorted([*held[str(a)], (BASE + 20 * STEP + 1, 20.5)])
    assert everything(store) == held
    store = killed(store, tmp_path)
    assert everything(store) == held
    assert store.append(Batch("t", BASE + 20 * STEP + 1, (a,), np.array([1.0]))) == Appended(duplicate=1)
    for k in range(60, 200):
        put(store, BASE + k * STEP, {a: k, b: -k})
        held[str(a)].append((BASE + k * STEP, k))
        held[str(b)].append((BASE + k * STEP, -k))
        store.maintain((BASE + k * STEP) / 1000)
        assert everything(store) == held
    assert len(store._head.late) == 0
    assert [p.name for p in (tmp_path / "blocks").iterdir() if "-merged" in p.name]
    assert len(list((tmp_path / "blocks").iterdir())) < 8
    assert len(list((tmp_path / "wal").iterdir())) <= 3
    store = killed(store, tmp_path)
    assert everything(store) == held
    store.close()


def test_a_death_between_a_late_block_and_the_log_doubles_nothing(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, out_of_order_ms=8 * HOUR)
    for k in (30, 3, 2, 5, 4):
        put(store, BASE + k * STEP, {NAMES[0]: k, NAMES[1]: k})
    held = everything(store)
    store._upkeep.flush()
    assert len(store._head.late) == 0
    store = killed(store, tmp_path)
    assert everything(store) == held
    assert len(store._head.late) == 0
    assert put(store, BASE + 3 * STEP, {NAMES[0]: 9}) == 0
    store.close()


def test_falling_times_do_not_open_a_lane_each() -> None:
    """20,000 instants, each before the last and of another series: memory and time stay those of the samples."""
    head = Head()
    for k in range(20_000):
        head.append("s", BASE - k, np.array([k]), np.array([float(k)]))
    assert len(head._slabs) <= 4
    assert sum(slab._values.size for slabs in head._slabs.values() for slab in slabs) < 1 << 17
    sections = [*head.views(0, 2 * BASE), *head.late.view().sections()]
    every = loosened(sections)
    assert sorted(every.refs.tolist()) == list(range(20_000))
    assert (every.times == BASE - every.refs).all()


def test_series_at_times_of_their_own_do_not_make_empty_matrices() -> None:
    head, numbers = Head(), np.arange(2000)
    head.append("s", BASE, numbers, numbers.astype(float))
    for k in range(6000):
        head.append("s", BASE + 1 + k, numbers[k % 2000 : k % 2000 + 1], np.array([1.0]))
    cells = sum(slab._values.size for slabs in head._slabs.values() for slab in slabs)
    assert cells < 4 * 8 * 8000 + (1 << 18)
    assert head.samples() >= 8000
