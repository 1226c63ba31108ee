"""Prices: every line explained, the sum exact, roundings as stated."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_app.catalog.offers import document, offer_of
from platform_app.catalog.pricing import Choice, Item, Offer, Option, Rules, quote, share
from platform_app.kit.problem import Problem
from platform_app.kit.times import parse_iso

CLEANING = Item(1, "保洁 2 小时", "cleaning", 10_000, 120, "小时", 2, 8, 4_500, 60)
WINDOW, FRIDGE = Option(7, "擦窗", "window", 1_500, 10, 5), Option(8, "冰箱", "fridge", 4_000, 30)
RULES = Rules(11_000, 12_345, 10_500, 18 * 60, 12_000, {"余杭区": 1_000})
OFFER = Offer((CLEANING,), (WINDOW, FRIDGE), RULES)
TUESDAY, SATURDAY, EVENING, NEW_YEAR = (
    parse_iso(f"{day}+08:00")
    for day in ("2026-12-01T10:00", "2026-12-05T17:59", "2026-12-05T18:00", "2026-01-01T10:00")
)


def lines(choice: Choice) -> dict[str, int]:
    return {line.code: line.fen for line in quote(OFFER, choice).lines}


@pytest.mark.parametrize(
    ("choice", "wanted", "minutes"),
    [
        (Choice(starts_at=TUESDAY), {"base": 10_000, "minimum": 2_000}, 120),
        (Choice(1, 3, starts_at=TUESDAY), {"base": 10_000, "units": 4_500}, 180),
        (Choice(1, 2, ((7, 3),), TUESDAY), {"base": 10_000, "option": 4_500}, 150),
        (Choice(1, 4, (), SATURDAY), {"base": 10_000, "units": 9_000, "weekend": 1_900}, 240),
        (Choice(1, 4, (), EVENING), {"base": 10_000, "units": 9_000, "weekend": 1_900, "evening": 950}, 240),
        (Choice(1, 2, (), NEW_YEAR, "余杭区"), {"base": 10_000, "holiday": 2_345, "district": 1_000}, 120),
    ],
)
def test_each_line_has_its_reason(choice: Choice, wanted: dict[str, int], minutes: int) -> None:
    assert lines(choice) == wanted
    found = quote(OFFER, choice)
    assert (found.total_fen, found.minutes) == (sum(wanted.values()), minutes)
    assert all(line.label and line.label_en for line in found.lines)


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        (Choice(9), "no_such_item"),
        (Choice(1, 9), "bad_quantity"),
        (Choice(1, 1), "bad_quantity"),
        (Choice(1, 2, ((9, 1),)), "no_such_option"),
        (Choice(1, 2, ((7, 6),)), "bad_quantity"),
        (Choice(1, 2, ((7, -1),)), "bad_quantity"),
        (Choice(1, 2, ((7, 1), (7, 1))), "option_twice"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(choice: Choice, code: str) -> None:
    with pytest.raises(Problem) as refused:
        quote(OFFER, choice)
    assert (refused.value.status, refused.value.code) == (422, code)


@given(st.integers(-(10**9), 10**9), st.integers(-20_000, 30_000))
def test_a_share_is_the_nearest_fen_half_away_from_zero(fen: int, basis_points: int) -> None:
    exact = Fraction(fen * basis_points, 10_000)
    found = share(fen, basis_points)
    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)


@given(
    st.integers(2, 8),
    st.integers(0, 5),
    st.integers(TUESDAY, TUESDAY + 60 * 86_400),
    st.sampled_from(["", "余杭区", "西湖区"]),
)
def test_never_below_the_minimum_and_a_document_says_the_same(units: int, windows: int, at: int, district: str) -> None:
    choice = Choice(1, units, ((7, windows),) if windows else (), at, district)
    found = quote(OFFER, choice)
    assert found.total_fen >= RULES.min_fen + RULES.districts.get(district, 0)
    assert quote(offer_of(document(OFFER)), choice) == found
