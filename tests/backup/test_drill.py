"""Drills: a restore into scratch, business checks, RPO and RTO; a business that is not in it fails the drill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backup.checks import Check, load_checks
from backup.drill import drill
from backup.errors import WrongUse
from backup.proofs import DrillResult
from backup.status import status
from tests.backup.conftest import CHECKS, Business


def _drill(business: Business, *checks: Check) -> DrillResult:
    return drill(business.repository, business.workspace, checks or CHECKS, business.clock)


def test_a_proven_backup(business: Business) -> None:
    business.back_up()
    business.now += 600
    result = _drill(business)
    assert result.ok, result.reason
    assert result.rpo_seconds == 600
    assert result.snapshot_age_seconds == 600
    assert 0 < result.rto_seconds < 30
    assert [p.name for p in result.phases] == ["restore", "checks"]
    assert list((Path(business.repository.name) / "scratch").iterdir()) == []
    report = business.repository.storage.get(f"drills/{result.id}.md").decode()
    assert "通过 / proven" in report
    assert "600 s" in report


def test_figures_survive_in_the_repository(business: Business) -> None:
    business.back_up()
    business.now += 60
    good = _drill(business)
    business.now += 60
    _drill(business, Check(name="impossible", sql="SELECT 1", equals=2))
    found = status(business.repository).sources[0]
    assert (found.source, found.snapshots) == ("shop", 1)
    assert found.last_proven == good.started
    assert found.last_drill == good.started + 60
    assert found.last_drill_ok is False
    assert found.rpo_seconds == 60


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (Check(name="rows", sql="SELECT count(*) FROM orders", at_least=21), "20, wanted ≥ 21"),
        (Check(name="rows", sql="SELECT count(*) FROM orders", equals=19), "20, wanted = 19"),
        (Check(name="rows", sql="SELECT count(*) FROM orders", at_most=5), "20, wanted ≤ 5"),
        (Check(name="late", newest="SELECT max(at) FROM orders", within_seconds=10), "100 s old, wanted ≤ 10 s"),
        (Check(name="none", newest="SELECT max(at) FROM orders WHERE 0"), "no row"),
        (Check(name="typo", sql="SELECT count(*) FROM order_", equals=0), "could not run"),
        (Check(name="null", sql="SELECT sum(fen) FROM orders WHERE 0", equals=0), "no number"),
        (Check(name="text", sql="SELECT 'x'", equals=0), "could not run"),
        (Check(name="lost", objects="SELECT photo || '.x' FROM orders"), "20 named, 20 missing"),
        (Check(name="write", sql="DELETE FROM orders RETURNING 1", equals=1), "readonly"),
    ],
)
def test_a_check_that_fails_says_why(business: Business, check: Check, reason: str) -> None:
    business.back_up()
    business.now += 100
    result = _drill(business, check)
    assert not result.ok
    assert reason in result.reason
    assert result.reason.startswith(check.name)


def test_an_object_lost_before_the_backup_is_found(business: Business) -> None:
    (business.objects / "photos" / "7.jpg").unlink()
    business.back_up()
    result = _drill(business)
    assert not result.ok
    assert "1 missing (first: photos/7.jpg)" in result.reason


def test_the_newest_is_drilled(business: Business) -> None:
    business.back_up()
    business.order(5)
    second = business.back_up().snapshot
    assert _drill(business).snapshot == second.id


def test_nothing_to_drill(business: Business) -> None:
    with pytest.raises(WrongUse, match="no snapshot"):
        _drill(business)


def test_checks_are_data(tmp_path: Path) -> None:
    file = tmp_path / "checks.yml"
    file.write_text('checks:\n  - {name: rows, sql: "SELECT 1", at_least: 1}\n')
    assert load_checks(file) == (Check(name="rows", sql="SELECT 1", at_least=1),)
    for bad in ("checks: [{name: a, sqll: x}]", "checks: [{name: a}]", "checks: [{name: a, sql: x}]", ": :"):
        file.write_text(bad)
        with pytest.raises(WrongUse):
            load_checks(file)


def test_results_are_whole_or_damaged(business: Business) -> None:
    business.back_up()
    result = _drill(business)
    assert replace(result) == result
