"""Options that every campaign takes, and the seed printed so that a failure can be run again."""

from __future__ import annotations

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=0, help="how many rounds a campaign runs (default: few)")
    parser.addoption("--seed", type=int, default=0, help="the campaigns' seed (default: a new one, printed)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "campaign: random rounds (--rounds N --seed S); make campaign runs the full count"
    )
    if not config.getoption("--seed"):
        config.option.seed = random.SystemRandom().randrange(1, 2**31)


def pytest_report_header(config: pytest.Config) -> str:
    return f"campaign seed: {config.getoption('--seed')}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The campaign's seed."""
    return int(request.config.getoption("--seed"))


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How many rounds a campaign runs: --rounds, else 3."""
    return int(request.config.getoption("--rounds")) or 3
