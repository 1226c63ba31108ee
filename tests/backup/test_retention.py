"""Retention: a pure plan with reasons; what is kept is whole, what is in use is not touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from backup.restore import restore
from backup.retention import plan_retention, prune
from backup.snapshot import Snapshot
from backup.verify import verify
from tests.backup.conftest import Business

BASE = Snapshot("", 0, "full", "shop", 0.0, 0.0, "", 1000, 10, 1, "shop.db", {}, ())


def _line(*sizes: int) -> list[Snapshot]:
    return [replace(BASE, id=f"s{i}", number=i, bytes=size) for i, size in enumerate(sizes, 1)]


def _kept(snapshots: list[Snapshot], keep_last: int, *proven: str) -> list[str]:
    return [d.snapshot for d in plan_retention(snapshots, keep_last, proven) if d.keep]


def test_keep_last() -> None:
    assert _kept(_line(1000, 1000, 1000, 1000), 2) == ["s3", "s4"]
    assert _kept(_line(1000), 5) == ["s1"]
    assert _kept([], 5) == []


def test_never_below_one() -> None:
    assert _kept(_line(1000, 1000), 0) == ["s2"]


def test_the_newest_proof_is_kept() -> None:
    plan = plan_retention(_line(1000, 1000, 1000, 1000), 1, ("s1", "s2"))
    assert [d.snapshot for d in plan if d.keep] == ["s2", "s4"]
    assert next(d.reason for d in plan if d.snapshot == "s2") == "the newest that a drill has proven"


def test_nothing_goes_when_the_newest_is_suspiciously_small() -> None:
    plan = plan_retention(_line(1000, 1000, 1000, 400), 1)
    assert all(d.keep and "suspiciously small" in d.reason for d in plan)
    assert [d.snapshot for d in plan] == ["s1", "s2", "s3", "s4"]


def test_what_is_kept_is_whole(business: Business, tmp_path: Path) -> None:
    for _ in range(4):
        business.order(5)
        business.back_up()
    before = len(business.repository.chunks.stored())
    done = prune(business.repository, plan_retention(business.repository.catalog.read().snapshots, 2))
    left = business.repository.catalog.read().snapshots
    assert [s.number for s in left] == [3, 4]
    assert done.freed > 0
    assert len(business.repository.chunks.stored()) < before
    assert verify(business.repository).ok
    for snapshot in left:
        restore(business.repository, snapshot, tmp_path / snapshot.id)


def test_what_is_being_restored_is_not_deleted(business: Business) -> None:
    for _ in range(3):
        business.back_up()
    plan = plan_retention(business.repository.catalog.read().snapshots, 1)
    with business.repository.reading():
        done = prune(business.repository, plan)
    assert "in use" in done.postponed
    assert len(business.repository.catalog.read().snapshots) == 3
