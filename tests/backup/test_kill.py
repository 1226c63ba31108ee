"""kill -9 at every stage: what is listed restores, nothing half-made is listed, dead space is reclaimed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from backup.restore import restore
from backup.verify import verify
from tests.backup.conftest import Business

# The victim kills itself when its progress callback was called for the Nth time: at every stage, as by another.
VICTIM = """
import os, signal, sys, time
from pathlib import Path
from backup import drill, restore, run
from backup.repository import open_repository
from backup.source import SqliteSource
from backup.workspace import Workspace
verb, folder, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
def on_progress(event):
    global left
    left -= 1
    if left < 0:
        print(event.stage, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
repository = open_repository(folder / "repo", create=True)
work = Workspace(folder / "repo" / "scratch")
if verb == "run":
    source = SqliteSource("shop", folder / "shop.db", folder / "objects")
    run.back_up(source, repository, work, time.time, on_progress)
elif verb == "drill":
    drill.drill(repository, work, (), time.time, "", on_progress)
else:
    restore.restore(repository, repository.catalog.find("latest"), folder / "to", on_progress)
"""


def _kill(verb: str, business: Business, after: int) -> str:
    """The stage at which it died; '' when it came to its end."""
    command = [sys.executable, "-c", VICTIM, verb, str(business.folder), str(after)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.stdout.strip()


@pytest.mark.campaign
def test_kill_9_of_a_backup(business: Business, tmp_path: Path, rounds: int, seed: int) -> None:
    source = random.Random(seed)
    stages: set[str] = set()
    whole = 0
    for number in range(rounds * 2):
        business.order(3)
        steps = source.choice([0, 1, source.randrange(30), business.count + 3, business.count + 4, 10_000])
        stage = _kill("run", business, steps)
        stages.add(stage)
        listed = business.repository.catalog.read()
        assert listed.damaged == ()
        whole += stage in ("", "done")
        assert len(listed.snapshots) == whole
        if listed.snapshots:
            restore(business.repository, listed.snapshots[-1], tmp_path / f"to{number}")
    business.order(1)
    done = business.back_up()
    assert verify(business.repository).ok
    assert len(business.repository.catalog.read().snapshots) == whole + 1
    _no_dead_space(business)
    assert done.snapshot.tables["orders"] == business.count


def test_every_stage_is_met(business: Business) -> None:
    stages = [_kill("run", business, after) for after in (0, 1, 5, 23, 24, 25)]
    assert set(stages) >= {"database", "store", "publish"}
    assert business.repository.catalog.read().snapshots == ()
    dead = len(business.repository.chunks.stored())
    assert dead > 0
    done = business.back_up()
    assert done.reclaimed > 0
    _no_dead_space(business)


def test_kill_9_of_a_restore_and_a_drill(business: Business) -> None:
    business.back_up()
    for after in (0, 3, 22):
        assert _kill("restore", business, after)
        assert not (business.folder / "to").exists()
        assert _kill("drill", business, after)
    assert _kill("restore", business, 10_000) == ""
    assert (business.folder / "to" / "shop.db").exists()
    assert _kill("drill", business, 10_000) == ""
    assert list((Path(business.repository.name) / "scratch").iterdir()) == []


def _no_dead_space(business: Business) -> None:
    repository = business.repository
    needed = {key for s in repository.catalog.read().snapshots for key in s.manifest}
    needed |= {k for s in repository.catalog.read().snapshots for f in repository.files(s) for k in f.chunks}
    assert set(repository.chunks.stored()) == needed
    assert repository.storage.list("parts") == []
    assert list((Path(repository.name) / "scratch").iterdir()) == []
