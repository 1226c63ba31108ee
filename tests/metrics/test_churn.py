"""Series that come and go: memory, table and index stay those of the series that have samples; no answer goes wrong."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from opsctl.metrics.store import EmbeddedStore
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from tests.metrics.support import EVER, HOUR, everything, match, put, series

BASE = 500_000 * HOUR
AT_ONCE = 1000


def live(store: EmbeddedStore, generation: int) -> int:
    """One generation of series, two hours after the last; returns its time."""
    at = BASE + generation * 2 * HOUR
    labels = tuple(Labels({"__name__": "m", "pod": f"{generation}-{i}", "node": str(i % 7)}) for i in range(AT_ONCE))
    for minute in range(3):
        store.append(Batch("pods", at + minute * 60_000, labels, np.arange(AT_ONCE, dtype=np.float64)))
        put(store, at + minute * 60_000, {series("up"): 1.0}, "up")
    store.maintain(at / 1000 + 180)
    return at


@pytest.mark.campaign
def test_memory_stays_flat(tmp_path: Path, rounds: int) -> None:
    """Each round 5,000 series come and go (20 rounds: 100,000)."""
    store = EmbeddedStore(tmp_path, retention_seconds=4 * 3600)
    generation, sizes = 0, []
    tracemalloc.start()
    for _ in range(rounds + 2):
        for _ in range(5):
            live(store, generation)
            generation += 1
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(store._index) <= 5 * AT_ONCE + 1
    assert len(store._index.value_counts()) == 3
    assert store._index.value_counts()["pod"] <= 5 * AT_ONCE
    assert max(sizes[2:]) - sizes[1] < 400_000 + 100 * AT_ONCE * rounds
    assert (tmp_path / "series").stat().st_size < 200_000
    assert len(everything(store)[str(series("up"))]) >= 6
    store.close()


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    """A series that was forgotten and comes back is a new one; over a restart too."""
    store = EmbeddedStore(tmp_path, retention_seconds=4 * 3600)
    put(store, BASE, {series("old"): 1.0, series("stays"): 1.0})
    old = store._index.find(series("old"))
    for generation in range(6):
        at = live(store, generation)
        put(store, at, {series("stays"): 2.0})
    assert store._index.find(series("old")) == -1
    assert list(store.select(match("__name__", "=", "old"), *EVER)) == []
    put(store, at + 60_000, {series("old"): 3.0})
    assert store._index.find(series("old")) > old
    assert everything(store)["old"] == [(at + 60_000, 3.0)]
    store._owned.close()
    store = EmbeddedStore(tmp_path, retention_seconds=4 * 3600)
    assert everything(store)["old"] == [(at + 60_000, 3.0)]
    assert len(store.select(match("__name__", "=", "m"), at, at + HOUR)) == AT_ONCE
    store.close()


def test_a_query_meanwhile_is_right(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, retention_seconds=4 * 3600)
    wrong: list[str] = []
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            for found in store.select(match("node", "=", "3"), *EVER):
                if (
                    found.labels["node"] != "3"
                    or found.values.tolist() != [float(found.labels["pod"].split("-")[1])] * 3
                ):
                    wrong.append(str(found.labels))
            store.series([match("node", "=~", "[0-3]")], *EVER)

    live(store, 0)
    asking = threading.Thread(target=ask)
    asking.start()
    for generation in range(1, 8):
        at = BASE + generation * 2 * HOUR
        labels = tuple(
            Labels({"__name__": "m", "pod": f"{generation}-{i}", "node": str(i % 7)}) for i in range(AT_ONCE)
        )
        store.append(*(Batch("pods", at + k, labels, np.arange(AT_ONCE, dtype=np.float64)) for k in range(3)))
        store.maintain(at / 1000 + 180)
    end.set()
    asking.join()
    assert wrong == []
    store.close()
