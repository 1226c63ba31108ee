"""Refresh tokens, pure: sealed, opened, judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from platform_app.users.refresh import digest, first, judge, opened, successor

KEY = "k" * 40


def row(**more: Any) -> Any:
    base = {"turn": 0, "current_hash": "", "previous_hash": "", "rotated_at": 100, "revoked_at": None}
    return SimpleNamespace(**{**base, "expires_at": 10_000, **more})


def test_a_token_says_which_session_and_turn_and_has_one_successor() -> None:
    token = first(7, KEY)
    shown = opened(token, KEY)
    assert shown is not None
    assert (shown.session_id, shown.turn, shown.digest) == (7, 0, digest(token))
    following = successor(token, shown, KEY)
    assert following == successor(token, shown, KEY)
    after = opened(following, KEY)
    assert after is not None
    assert (after.session_id, after.turn) == (7, 1)
    assert first(7, KEY) != token, "chance is in it"


@given(st.text(max_size=90))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert opened(text, KEY) is None


@given(st.integers(0, 71), st.integers(1, 63))
def test_a_changed_character_makes_it_worthless(place: int, by: int) -> None:
    token, letters = first(7, KEY), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = letters[(letters.index(token[place]) + by) % 64]
    assert opened(token[:place] + other + token[place + 1 :], KEY) is None
    assert opened(token, KEY + "x") is None


def test_verdicts() -> None:
    token = first(7, KEY)
    zero = opened(token, KEY)
    assert zero is not None
    one = opened(successor(token, zero, KEY), KEY)
    assert one is not None
    turned = {"turn": 1, "current_hash": one.digest, "previous_hash": zero.digest}
    assert judge(zero, row(current_hash=zero.digest), 100, 30) == "rotate"
    assert judge(zero, row(**turned), 130, 30) == "repeat"
    assert judge(zero, row(**turned), 50, 30) == "repeat", "a clock that was set back"
    assert judge(zero, row(**turned), 131, 30) == "reused"
    assert judge(zero, row(**turned), 100, 0) == "repeat"
    assert judge(zero, row(**turned | {"turn": 2}), 101, 30) == "reused"
    assert judge(one, row(current_hash=zero.digest), 100, 30) == "dead", "the database was put back"
    assert judge(one, row(**turned | {"current_hash": "x"}), 100, 30) == "dead"
    assert judge(one, row(**turned, revoked_at=5), 100, 30) == "dead"
    assert judge(one, row(**turned), 10_000, 30) == "dead"
    assert judge(one, None, 100, 30) == "dead"
