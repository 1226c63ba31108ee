"""Any byte that is flipped, cut off or lost is found by verify, and never restored silently."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from backup.drill import drill
from backup.errors import BackupError, WrongUse
from backup.proofs import Proofs
from backup.repository import open_repository
from backup.restore import restore
from backup.verify import verify
from tests.backup.conftest import CHECKS, Business


def _flip(path: Path, source: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[source.randrange(len(content))] ^= 1 << source.randrange(8)
    path.write_bytes(content)


def _cut(path: Path, source: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: source.randrange(path.stat().st_size)])


def _lose(path: Path, _: random.Random) -> None:
    path.unlink()


@pytest.mark.campaign
@pytest.mark.parametrize("harm", [_flip, _cut, _lose])
def test_every_harm_is_found(
    business: Business, tmp_path: Path, rounds: int, seed: int, harm: Callable[[Path, random.Random], None]
) -> None:
    business.back_up()
    drill(business.repository, business.workspace, CHECKS, business.clock)
    source = random.Random(seed)
    top = Path(business.repository.name)
    files = sorted(p for p in top.rglob("*") if p.is_file() and p.parent.name not in ("locks", "parts"))
    files = [p for p in files if p.suffix != ".md"]
    if harm is _lose:
        files = [p for p in files if p.parent.parent.name == "chunks"]
    for number in range(rounds * 10):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(top, copy)
        victim = copy / source.choice(files).relative_to(top)
        harm(victim, source)
        with contextlib.suppress(BackupError, WrongUse):  # the mark of the repository itself: refused at the door
            assert not verify(open_repository(copy)).ok, victim
        _restores_right_or_not_at_all(business, copy, tmp_path / f"to{number}")
        shutil.rmtree(copy)


def _restores_right_or_not_at_all(business: Business, copy: Path, to: Path) -> None:
    try:
        repository = open_repository(copy)
        restore(repository, repository.catalog.find("latest"), to)
    except (BackupError, WrongUse):
        assert not to.exists()
        return
    assert len(list((to / "objects" / "photos").iterdir())) == business.count
    shutil.rmtree(to)


def test_a_damaged_entry_never_makes_an_older_one_the_latest(business: Business) -> None:
    first = business.back_up().snapshot
    second = business.back_up().snapshot
    entry = Path(business.repository.name) / "snapshots" / f"{second.id}.json"
    entry.write_bytes(entry.read_bytes()[:-20])
    with pytest.raises(BackupError, match="newest catalog entry"):
        business.repository.catalog.find("latest")
    assert business.repository.catalog.find(first.id).id == first.id
    third = business.back_up().snapshot
    assert third.number == second.number + 1
    assert business.repository.catalog.find("latest").id == third.id


def test_nothing_is_reclaimed_while_an_entry_is_damaged(business: Business) -> None:
    second = business.back_up().snapshot
    entry = Path(business.repository.name) / "snapshots" / f"{second.id}.json"
    whole = entry.read_bytes()
    entry.write_bytes(b"{")
    business.order(1)
    business.back_up()
    entry.write_bytes(whole)
    assert verify(business.repository).ok


def test_a_damaged_chunk_is_stored_again_by_the_next_backup(business: Business, tmp_path: Path) -> None:
    business.back_up()
    for chunk in (Path(business.repository.name) / "chunks").rglob("*"):
        if chunk.is_file():
            _flip(chunk, random.Random(1))
    assert not verify(business.repository).ok
    made = business.back_up().snapshot
    restore(business.repository, made, tmp_path / "to")


def test_a_drill_of_a_damaged_snapshot_fails_and_is_kept(business: Business) -> None:
    business.back_up()
    chunks = sorted(p for p in (Path(business.repository.name) / "chunks").rglob("*") if p.is_file())
    for chunk in chunks:
        if chunk.stat().st_size > 10_000:
            _flip(chunk, random.Random(1))
    result = drill(business.repository, business.workspace, CHECKS, business.clock)
    assert not result.ok
    assert "damaged" in result.reason
    assert Proofs(business.repository.storage).read().results == (result,)
