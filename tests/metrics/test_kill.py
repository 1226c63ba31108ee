"""kill -9 of the writer at any moment: every acknowledged sample is there afterwards, once, with its value."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opsctl.metrics.store import EmbeddedStore
from tests.metrics.support import everything
from tests.metrics.writer import STEP_MS

ROOT = Path(__file__).parents[2]


def _write_until_killed(folder: Path, seconds: float) -> int:
    """Runs the writer, kills it; the last acknowledged number."""
    command = [sys.executable, "-m", "tests.metrics.writer", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(seconds)
        child.kill()
        rest = child.stdout.read().split("\n")
        return max((int(line) for line in rest[:-1] if line), default=1)


def _check(folder: Path, acknowledged: int) -> None:
    store = EmbeddedStore(folder)
    held = everything(store)
    for i in range(9):
        rows = held.get(f'a{{i="{i}"}}', [])
        last = rows[-1][0] // STEP_MS if rows else 0
        due = [k for k in range(1, max(acknowledged, last) + 1) if i < k % 7 + 3]
        assert [(k * STEP_MS, float(k)) for k in due if k <= acknowledged or k <= last] == rows
    store.close()


@pytest.mark.campaign
def test_nothing_acknowledged_is_lost(tmp_path: Path, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(rounds):
        acknowledged = _write_until_killed(tmp_path, dice.uniform(0.0, 0.4))
        _check(tmp_path, acknowledged)
