"""The rules: whole, and drawn in the docs as they are."""

from __future__ import annotations

from pathlib import Path

from platform_app.settlement import facts
from platform_app.settlement.accounts import KINDS
from platform_app.settlement.rules import RULES, drawn

PAGE = Path(__file__).parents[3] / "docs" / "SETTLEMENT.md"


def test_every_rule_has_both_sides_of_accounts_that_there_are() -> None:
    for rule in RULES.values():
        assert {line.sign for line in rule.lines} == {1, -1}
        assert all(line.account in KINDS or line.account == "cash" for line in rule.lines)
    assert set(facts.KINDS) <= set(RULES)


def test_the_page_shows_the_rules_of_the_code() -> None:
    """Write it anew: put the output of `python -m platform_app.settlement.rules` between the marks."""
    shown = PAGE.read_text(encoding="utf-8").partition("<!-- rules -->\n")[2].partition("<!-- end -->")[0]
    assert shown.strip() == drawn()
