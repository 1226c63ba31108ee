"""Prometheus' own test files as the oracle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.promql.promqltest import FOLDER, Evaluation, exclusion, problem, problem_in_range, read

FLOOR = 590
EXCLUSIONS = {
    "loads a native histogram",
    "expects a native histogram",
    "experimental function or modifier",
    "duration expression",
}

OWN = Path(__file__).parent / "cases"
needs_folder = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"Prometheus' test files are not at {FOLDER}")


@pytest.fixture(scope="module")
def evaluations() -> list[Evaluation]:
    return [each for path in sorted(FOLDER.glob("*.test")) for each in read(path)]


@needs_folder
def test_every_stable_evaluation_gives_what_prometheus_gives(evaluations: list[Evaluation]) -> None:
    stable = [each for each in evaluations if not exclusion(each)]
    wrong = [f"{each.name}\n    {why}" for each in stable if (why := problem(each))]
    assert not wrong, "\n".join(wrong)
    assert len(stable) >= FLOOR


@needs_folder
def test_an_instant_gives_the_same_in_the_middle_of_a_range(evaluations: list[Evaluation]) -> None:
    wrong = [f"{e.name}\n    {why}" for e in evaluations if not exclusion(e) and (why := problem_in_range(e))]
    assert not wrong, "\n".join(wrong)


@needs_folder
def test_what_is_left_out_is_named(evaluations: list[Evaluation]) -> None:
    reasons = Counter(exclusion(each) for each in evaluations)
    assert set(reasons) - {""} <= EXCLUSIONS
    assert len(evaluations) == 1079


@pytest.mark.parametrize("evaluation", [e for p in sorted(OWN.glob("*.test")) for e in read(p)], ids=lambda e: e.name)
def test_our_own_cases(evaluation: Evaluation) -> None:
    assert problem(evaluation) == ""
    assert problem_in_range(evaluation) == ""
