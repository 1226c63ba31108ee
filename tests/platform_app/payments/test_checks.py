"""What the channel did not tell is asked for."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from platform_app.payments import repository
from platform_app.payments.checks import GRACE_SECONDS, next_check, next_step
from platform_app.payments.refund_checks import RefundChecks
from platform_app.payments.tables import outbox
from tests.platform_app.payments.town import CUSTOMER, Town


def row(**values: Any) -> Any:
    return SimpleNamespace(**{"status": "prepaid", "refund_status": None, "checks": 0, "expires_at": 1000} | values)


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ({"status": "created"}, "abandon"),
        ({"status": "prepaid"}, "query"),
        ({"status": "succeeded"}, "none"),
        ({"status": "closed"}, "none"),
    ],
)
def test_the_next_step_follows_from_the_state(values: dict[str, Any], step: str) -> None:
    assert next_step(row(**values)) == step


def test_checks_get_rarer_but_an_open_trade_is_asked_for_when_it_expires() -> None:
    assert [next_check(row(checks=n), 100) - 100 for n in range(4)] == [10, 20, 40, 80]
    assert next_check(row(checks=9), 900) == 1000 + GRACE_SECONDS
    assert next_check(row(checks=9), 2000) == 2300
    assert next_check(row(checks=9, status="succeeded"), 900) == 1200


async def test_a_lost_notice_is_made_up_for(town: Town) -> None:
    await town.fault("callbacks_lost")
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    await town.check(11)
    assert (await town.row(order_id)).status == "prepaid"
    await town.scan(opened["code_url"])
    await town.check(40)
    assert (await town.row(order_id)).status == "succeeded"
    async with town.payments.db.read() as c:
        told = (await c.execute(select(outbox.c.event_id, outbox.c.target))).all()
    number = f"{opened['out_trade_no']}:succeeded"
    assert {tuple(each) for each in told} == {(number, "orders"), (number, "settlement")}
    assert town.counted("succeeded") == 1


async def test_an_open_trade_is_closed_after_the_hold(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    await town.check(920)
    paid = await town.row(order_id)
    assert (paid.status, paid.check_at) == ("closed", None)
    assert await town.scan(opened["code_url"]) == 409


async def test_a_dead_channel_is_asked_again_later(town: Town) -> None:
    order_id = await town.order()
    await town.pay(order_id)
    await town.fault("wechat_primary_down")
    await town.check(11)
    waiting = await town.row(order_id)
    assert (waiting.status, waiting.checks) == ("prepaid", 1)
    assert waiting.check_at > time.time() + 11


async def test_an_attempt_that_a_crash_cut_off_ends_and_makes_room(town: Town) -> None:
    order_id, now = await town.order(), int(time.time())
    values = {
        "order_id": order_id,
        "attempt": 1,
        "user_id": CUSTOMER.user_id,
        "out_trade_no": f"CRASHED{order_id:06d}",
        "channel": "wechat_native",
        "gateway": "primary",
        "amount_fen": 12800,
        "created_at": now,
        "expires_at": now + 900,
        "check_at": now + 30,
    }
    async with town.payments.db.transaction() as c:
        await repository.add(c, values)
    assert (await town.pay(order_id))[1]["code"] == "payment_in_progress"
    await town.check(31)
    assert (await town.row(order_id)).failure == "abandoned"
    assert (await town.pay(order_id))[0] == 200


async def test_a_refund_that_the_channel_refuses_is_left_to_a_person(town: Town) -> None:
    """Money of before the channel's memory, as that of the seeded days."""
    order_id, now = await town.order(), int(time.time())
    number = f"SEEDED{order_id:06d}"
    values = {
        "order_id": order_id,
        "attempt": 1,
        "user_id": CUSTOMER.user_id,
        "out_trade_no": number,
        "channel": "wechat_native",
        "gateway": "primary",
        "amount_fen": 12800,
        "created_at": now,
        "expires_at": now + 900,
    }
    async with town.payments.db.transaction() as c:
        await repository.move(c, await repository.add(c, values), "succeeded", succeeded_at=now)
    wish = {"order_id": order_id, "out_trade_no": number, "reason": "x"}
    await town.inside("/internal/refunds", {"id": "e1", "kind": "order.refund_requested", "payload": wish})
    await RefundChecks(town.payments).tick(int(time.time()) + 1)
    refused = await town.row(order_id)
    assert (refused.status, refused.refund_status, refused.check_at) == ("succeeded", "refused", None)
