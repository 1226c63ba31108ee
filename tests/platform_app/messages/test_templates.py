"""What people are told."""

from __future__ import annotations

from typing import Any

import pytest

from platform_app.messages.templates import TEMPLATES, drafts, yuan
from platform_app.orders.transitions import STATUSES

PAYLOAD: dict[str, Any] = {
    "order_id": 1,
    "order_no": "20261123000001",
    "status": "paid",
    "user_id": 1001,
    "provider_id": 3,
    "provider_user_id": 4,
    "provider_name": "王阿姨",
    "service_name": "日常保洁",
    "amount_fen": 12850,
    "starts_at": 1_795_400_000,
    "hold_until": 1_795_300_000,
    "reason": "",
}


def test_every_status_of_an_order_has_its_words() -> None:
    assert {f"order.{status}" for status in STATUSES} == set(TEMPLATES)


@pytest.mark.parametrize("kind", TEMPLATES)
def test_every_message_names_the_order_and_its_people(kind: str) -> None:
    found = drafts(kind, PAYLOAD)
    assert found[0].user_id == 1001
    assert {d.user_id for d in found} <= {1001, 4}
    assert all("20261123000001" in d.body and d.title for d in found)


def test_money_and_time_read_as_in_shanghai() -> None:
    text = drafts("order.paid", PAYLOAD)[0].body
    assert "¥128.50" in text
    assert "11月23日 10:13" in text
    assert yuan(123456705) == "¥1,234,567.05"


def test_other_kinds_concern_nobody_and_gaps_are_errors() -> None:
    assert drafts("order.reviewed", PAYLOAD) == ()
    with pytest.raises(KeyError):
        drafts("order.paid", {})
