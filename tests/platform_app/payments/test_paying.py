"""From order to money: attempts, notifications, refunds."""

from __future__ import annotations

import asyncio

from platform_app.kit.tokens import Principal
from tests.platform_app.payments.town import Town
from tests.platform_app.sandbox.homes import change


async def test_an_order_is_paid_through_the_channel_and_its_notification(town: Town) -> None:
    order_id = await town.order()
    status, opened = await town.pay(order_id)
    assert (status, opened["status"], opened["gateway"]) == (200, "prepaid", "primary")
    assert await town.pay(order_id) == (200, opened)
    assert await town.scan(opened["code_url"]) == 200
    row = await town.until(order_id, "succeeded")
    await town.until_order(order_id, "paid")
    assert row.transaction_id
    assert await town.events(row.id) == ["created", "prepaid", "succeeded"]
    assert (town.counted("prepaid"), town.counted("succeeded"), town.counted("failed")) == (1, 1, 0)
    _, shown = await town.call("GET", f"/api/v1/payments/{opened['out_trade_no']}")
    assert (shown["status"], shown["code_url"], shown["amount_fen"]) == ("succeeded", None, 12800)
    assert (await town.pay(order_id))[0] == 409


async def test_only_the_owner_pays_and_sees(town: Town) -> None:
    order_id, stranger = await town.order(), Principal(1002, "customer")
    assert (await town.call("POST", f"/api/v1/orders/{order_id}/pay", {}, stranger))[0] == 404
    assert (await town.pay(999_999))[0] == 404
    _, opened = await town.pay(order_id)
    assert (await town.call("GET", f"/api/v1/payments/{opened['out_trade_no']}", None, stranger))[0] == 404
    assert (await town.call("POST", f"/api/v1/orders/{order_id}/pay", {"channel": "cash"}))[0] == 422


async def test_many_at_once_open_one_trade(town: Town) -> None:
    order_id = await town.order()
    answers = await asyncio.gather(*(town.pay(order_id) for _ in range(6)))
    assert {status for status, _ in answers} <= {200, 409}
    assert len({body["code_url"] for status, body in answers if status == 200}) == 1
    assert await town.count() == 1


async def test_a_dead_channel_is_502_and_another_attempt_goes_by_the_standby_at_once(town: Town) -> None:
    order_id = await town.order()
    await town.fault("wechat_primary_down")
    status, problem = await town.pay(order_id)
    assert (status, problem["code"], problem["reason"]) == (502, "channel_unreachable", "unreachable")
    assert (await town.row(order_id)).status == "failed"
    assert town.counted("failed") == 1
    change(town.folder, "payments", gateway="standby")
    async with asyncio.timeout(4):
        while town.payments.config.payments.gateway != "standby":
            await asyncio.sleep(0.05)
    status, opened = await town.pay(order_id)
    assert (status, opened["gateway"]) == (200, "standby")
    await town.scan(opened["code_url"])
    row = await town.until(order_id, "succeeded")
    assert (row.attempt, town.counted("succeeded", "standby")) == (2, 1)


async def test_a_slow_or_failing_channel_is_502_within_its_timeout(town: Town) -> None:
    order_id = await town.order()
    await town.fault("wechat_slow", seconds=30)
    async with asyncio.timeout(3):
        status, problem = await town.pay(order_id)
    assert (status, problem["reason"]) == (502, "timeout")
    await town.fault("wechat_slow", seconds=0)
    await town.fault("wechat_errors")
    status, problem = await town.pay(order_id)
    assert (status, problem["code"], problem["reason"]) == (502, "channel_unreachable", "SYSTEM_ERROR")


async def test_a_cancelled_order_is_refunded(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    await town.scan(opened["code_url"])
    await town.until_order(order_id, "paid")
    assert await town.cancel(order_id) == 200
    await town.until_order(order_id, "refunded")
    row = await town.row(order_id)
    assert (row.status, row.refund_status) == ("refunded", "done")
    kinds = await town.events(row.id)
    assert kinds.count("refund_wanted") == 1
    assert town.world.store.row("SELECT count(*) FROM refund WHERE status = 'SUCCESS'")[0] == 1  # type: ignore[index]


async def test_a_refund_is_asked_for_once_however_often_it_is_delivered(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    wish = {"order_id": order_id, "out_trade_no": opened["out_trade_no"], "reason": "x"}
    asked = {"id": "e1", "kind": "order.refund_requested", "payload": wish}
    assert (await town.inside("/internal/refunds", asked))[0] == 409
    await town.scan(opened["code_url"])
    await town.until(order_id, "succeeded")
    assert [(await town.inside("/internal/refunds", asked))[0] for _ in range(3)] == [202] * 3
    assert (await town.inside("/internal/refunds", {**asked, "id": "e2"}))[0] == 202
    await town.until(order_id, "refunded")
    assert town.world.store.row("SELECT count(*) FROM refund")[0] == 1  # type: ignore[index]
    assert (await town.call("POST", "/internal/refunds", asked))[0] == 401


async def test_what_is_paid_after_the_order_was_cancelled_goes_back(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    assert await town.cancel(order_id) == 200
    await town.scan(opened["code_url"])
    await town.until_order(order_id, "refunded")
