"""kill -9 of the writer at any moment: every acknowledged sample is there afterwards, once, with its value.

On time and late, while windows are cut, late samples flushed, days merged, blocks retired and series forgotten.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.metrics.support import EVER, everything
from tests.metrics.writer import RETENTION_STEPS, STEP_MS, batches, opened

ROOT = Path(__file__).parents[2]


def _write_until_killed(folder: Path, seconds: float) -> list[int]:
    """Runs the writer, kills it; the acknowledged numbers."""
    command = [sys.executable, "-m", "tests.metrics.writer", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.kill()
        rest = child.stdout.read().split("\n")
        return [int(first), *(int(line) for line in rest[:-1] if line)]


def _check(folder: Path, acknowledged: set[int]) -> None:
    store = opened(folder)
    held = everything(store)
    assert all(value == at // STEP_MS for rows in held.values() for at, value in rows)
    for rows in held.values():
        assert len({at for at, _ in rows}) == len(rows)
    times = {name: {at // STEP_MS for at, _ in rows} for name, rows in held.items()}
    newest = max(max(row) for row in times.values())
    for k in acknowledged:
        for batch in batches(k):
            at = batch.at_ms // STEP_MS
            if at > newest - RETENTION_STEPS:
                assert not [str(one) for one in batch.labels if at not in times.get(str(one), ())]
    store.maintain(newest * STEP_MS / 1000)
    assert len(store.series([], *EVER)) == store.status().series
    assert store.status().set_aside == 0, "a torn end of the log is no damage"
    store.close()


@pytest.mark.campaign
def test_nothing_acknowledged_is_lost(tmp_path: Path, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    acknowledged: set[int] = set()
    for _ in range(rounds):
        acknowledged.update(_write_until_killed(tmp_path, dice.uniform(0.0, 0.6)))
        _check(tmp_path, acknowledged)
    assert max(acknowledged) > 10
