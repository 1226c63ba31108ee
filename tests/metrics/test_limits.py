"""How many series there may be: of a target, in all; what is known goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opsctl.metrics.census import SeriesLimits
from opsctl.metrics.storage import Appended
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.batch import Batch
from tests.metrics.support import HOUR, everything, series

BASE = 500_000 * HOUR


def batch(at: int, *numbers: int, source: str = "node 1") -> Batch:
    labels = tuple(series("m", i=str(i)) for i in numbers)
    return Batch(source, BASE + at, labels, np.array(numbers, dtype=np.float64))


def test_a_target_over_its_limit_keeps_its_known_series(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, limits=SeriesLimits(per_target=3))
    assert store.append(batch(1, 0, 1)) == Appended(kept=2)
    result = store.append(batch(2, 0, 1, 2, 3, 4))
    assert result == Appended(kept=3, over_limit=2)
    assert result.reasons() == {"series limit exceeded": 2}
    assert store.append(batch(3, 4, 0, 1, 2)) == Appended(kept=3, over_limit=1)
    assert store.append(batch(3, 7, 8, source="node 2")) == Appended(kept=2)
    assert sorted(everything(store)) == [f'm{{i="{i}"}}' for i in (0, 1, 2, 7, 8)]
    assert store.status().over_limit == 3
    assert store.status().out_of_order == 0
    store.close()
    again = EmbeddedStore(tmp_path, limits=SeriesLimits(per_target=3))
    assert again.append(batch(4, 0, 5)) == Appended(kept=1, over_limit=1)
    again.close()


def test_series_that_left_memory_make_room(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, limits=SeriesLimits(per_target=2))
    store.append(batch(0, 1, 2))
    assert store.append(batch(3 * HOUR, 3)).over_limit == 1
    store.maintain((BASE + 3 * HOUR) / 1000)
    assert store.append(batch(3 * HOUR, 3, 4, 5)) == Appended(kept=2, over_limit=1)
    store.close()


def test_the_store_has_a_limit_and_forgetting_makes_room(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, retention_seconds=3600, limits=SeriesLimits(total=3))
    assert store.append(batch(0, 1, 2), batch(0, 3, 4, source="node 2")) == Appended(kept=3, over_limit=1)
    assert store.append(batch(5 * HOUR, 4)).over_limit == 1
    store.maintain((BASE + 5 * HOUR) / 1000)
    assert store.append(batch(5 * HOUR, 4)) == Appended(kept=1)
    store.close()


def test_a_target_is_logged_and_shown_once_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = EmbeddedStore(tmp_path, limits=SeriesLimits(per_target=1))
    for second in range(200):
        store.append(batch(1000 * second, 1, 2, 3))
        store.maintain(BASE / 1000 + second)
    assert [r.getMessage() for r in caplog.records].count("metrics.series_limit_exceeded") == 4
    assert store.status().over_limit_targets == {"node 1": 120}
    for second in range(200, 400):
        store.append(batch(1000 * second, 1))
        store.maintain(BASE / 1000 + second)
    assert store.status().over_limit_targets == {}
    store.close()
