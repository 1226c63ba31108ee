"""The contract of a journalled run: done, unknown or not begun, whatever the moment of death."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.core.db import Database
from opsctl.core.errors import Conflict
from opsctl.journal import SCHEMA, Journal, UnknownStep

POINTS_A_STEP = 8
"""Three for the intent, two for the act, three for the outcome."""


def _journal(folder: Path) -> Journal:
    return Journal(Database(folder / "journal.db", SCHEMA))


def test_a_done_step_is_not_done_again(tmp_path: Path) -> None:
    run = _journal(tmp_path).run("r")
    calls: list[int] = []

    def act() -> dict[str, int]:
        calls.append(1)
        return {"y": 2}

    for _ in range(2):
        outcome = run.perform("a", {"x": 1}, act, lambda: 5.0)
        assert outcome == {"y": 2}
    assert calls == [1]
    entry = _journal(tmp_path).run("r").entry("a")
    assert entry is not None
    assert (entry.state, entry.intent, entry.outcome, entry.begun_at) == ("done", {"x": 1}, {"y": 2}, 5.0)


def test_a_step_that_raises_is_unknown_until_it_is_settled(tmp_path: Path) -> None:
    run = _journal(tmp_path).run("r")

    def act() -> dict[str, int]:
        assert run.entry("a").state == "in_flight"  # type: ignore[union-attr]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run.perform("a", {}, act, lambda: 1.0)
    with pytest.raises(UnknownStep):
        run.perform("a", {}, lambda: {"never": True}, lambda: 2.0)
    run.settle("a", {"by": "a person"}, 3.0)
    assert run.perform("a", {}, lambda: {"never": True}, lambda: 4.0) == {"by": "a person"}
    with pytest.raises(Conflict):
        run.settle("a", {"by": "another"}, 5.0)
    with pytest.raises(Conflict):
        run.settle("b", {}, 5.0)


@pytest.mark.parametrize("at", range(1, 3 * POINTS_A_STEP + 1))
def test_killed_at_every_write(tmp_path: Path, at: int) -> None:
    died = subprocess.run([sys.executable, "-m", "tests.journal.killed", str(tmp_path), str(at)], check=False)
    assert died.returncode == -9
    file = tmp_path / "done"
    acted = file.read_text().split() if file.exists() else []
    run = _journal(tmp_path).run("r")
    states = {e.key: e.state for e in run.entries()}
    step, point = divmod(at - 1, POINTS_A_STEP)
    key, before = "abc"[step], "abc"[:step]
    assert all(states[k] == "done" for k in before)
    assert states.get(key) == (None if point < 2 else "unknown" if point < 7 else "done")
    assert acted == list(before) + ([key] if point >= 4 else [])
    assert set(states) <= set(before + key)


def test_after_the_kill_the_rest_is_done_once_and_the_unknown_waits(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tests.journal.killed", str(tmp_path), "13"], check=False)
    again = subprocess.run(
        [sys.executable, "-m", "tests.journal.killed", str(tmp_path), "0"], check=False, capture_output=True, text=True
    )
    assert "UnknownStep" in again.stderr
    _journal(tmp_path).run("r").settle("b", {"did": "b"}, 9.0)
    subprocess.run([sys.executable, "-m", "tests.journal.killed", str(tmp_path), "0"], check=True)
    assert (tmp_path / "done").read_text().split() == ["a", "b", "c"]
