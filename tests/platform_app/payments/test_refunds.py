"""Refunds in parts: up to the amount, whoever asks at once; each with its number; as events tell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from platform_app.kit.tokens import Principal
from tests.platform_app.payments.town import CUSTOMER, Town

OPERATOR = Principal(9, "operator")


async def paid(town: Town, channel: str) -> tuple[int, str]:
    order_id = await town.order()
    _, attempt = await town.pay(order_id, channel)
    await (town.alipay(attempt["client"]) if attempt["client"] else town.scan(attempt["code_url"]))
    await town.until_order(order_id, "paid")
    return order_id, str(attempt["out_trade_no"])


async def back(town: Town, number: str, key: str, who: Principal = OPERATOR, **body: Any) -> tuple[int, Any]:
    return await town.keyed(f"/payments/{number}/refunds", body, key, who)


@pytest.mark.parametrize("channel", ["wechat_native", "alipay_app"])
async def test_parts_add_up_to_the_whole_and_no_further(town: Town, channel: str) -> None:
    order_id, number = await paid(town, channel)
    asked = [back(town, number, f"key-{n:05d}", amount_fen=3000, reason="补偿") for n in range(8)]
    answers = await asyncio.gather(*asked)
    assert sorted(status for status, _ in answers) == [202] * 4 + [409] * 4
    assert {body["code"] for status, body in answers if status == 409} == {"refund_too_much"}
    assert len({body["out_refund_no"] for status, body in answers if status == 202}) == 4
    assert (await town.settled(number, 12000)).status == "succeeded"
    assert await town.order_status(order_id) == "paid"
    assert await town.cancel(order_id) == 200
    row = await town.settled(number, 12800)
    await town.until_order(order_id, "refunded")
    assert (row.status, row.reserved_fen) == ("refunded", 12800)
    assert town.recomputed() == []


async def test_only_operators_give_back_and_the_same_key_is_the_same_refund(town: Town) -> None:
    _, number = await paid(town, "wechat_native")
    assert (await back(town, number, "key-00001", CUSTOMER, amount_fen=1))[0] == 403
    first = await back(town, number, "key-00001", amount_fen=1)
    again = await back(town, number, "key-00001", amount_fen=1)
    assert (first[0], first[1]["out_refund_no"]) == (202, again[1]["out_refund_no"])
    assert (await back(town, number, "key-00001", amount_fen=2))[1]["code"] == "key_reused"
    assert (await back(town, "NOBODYS", "key-00002", amount_fen=1))[0] == 404
    for wrong in ({"amount_fen": 0}, {"amount_fen": -1}, {"amount_fen": "1"}, {"reason": "x" * 81}):
        assert (await back(town, number, "key-00003", **wrong))[0] == 422
    assert (await back(town, number, "x", amount_fen=1))[0] == 422


async def test_a_refund_to_the_wallet_is_there_at_once(town: Town) -> None:
    _, number = await paid(town, "alipay_app")
    status, done = await back(town, number, "key-00001", amount_fen=800, target="wallet")
    assert (status, done["status"]) == (202, "done")
    assert (await town.balance()).balance_fen == 800
    assert (await town.settled(number, 800)).status == "succeeded"
    assert town.recomputed() == []


async def test_a_channel_that_fails_is_asked_again_and_pays_once(town: Town) -> None:
    _, number = await paid(town, "alipay_app")
    await town.fault("alipay_errors")
    await back(town, number, "key-00001", amount_fen=700)
    await town.refund_tick()
    await town.refund_tick(20)
    url = f"http://{town.folder.config.sandbox.admin_listen}/faults/alipay_errors"
    await town.http.delete(url)
    await town.refund_tick(60)
    await town.settled(number, 700)
    assert town.world.alipay is not None
    assert town.world.alipay.book.refunded(number) == 700
